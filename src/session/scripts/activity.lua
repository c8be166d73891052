-- Counts the ids that were active within a window.
-- KEYS: _users. ARGV: the window in seconds.
return run(function()
  return call('ZCOUNT', KEYS[1], digits(clock() - ARGV[1]), '+inf')
end)
