-- What the keys of the app that an entry names begin with.
local function base_of(app)
  return app and ARGV[1] .. app
end
