-- What the keys of the app that an entry names begin with. A bucket is one app's: what names another
-- one is nothing there.
local function base_of(app)
  return app and app == string.match(ARGV[1], '([^:]*):%d%d%d%d}$') and ARGV[1]
end
