"""Django with its cache and its sessions behind sessiond, by django-redis: run with the port as its first argument."""

import threading

import django
from django.conf import settings

from program import PATIENCE, PORT, run

CACHE = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": f"redis://127.0.0.1:{PORT}/4",
    "KEY_PREFIX": "site",
    "OPTIONS": {"SOCKET_TIMEOUT": PATIENCE},
}
settings.configure(
    ALLOWED_HOSTS=["testserver"],
    CACHES={"default": CACHE, "other": {**CACHE, "KEY_PREFIX": "other"}},
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="a secret",
    SESSION_CACHE_ALIAS="default",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
)
django.setup()

from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.cache import cache, caches  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


def log_in(request, user):
    request.session.cycle_key()
    request.session["user"] = user
    request.session.set_expiry(1800)
    return JsonResponse({})


def put(request, item):
    request.session["cart"] = [*request.session.get("cart", []), item]
    return show(request)


def show(request):
    return JsonResponse({name: request.session.get(name) for name in ("user", "cart")})


def log_out(request):
    request.session.flush()
    return JsonResponse({})


urlpatterns = [
    path("login/<user>", log_in),
    path("put/<item>", put),
    path("show", show),
    path("logout", log_out),
]


def values():
    assert cache.get("missing", "default") == "default"
    cache.set("k", {"a": [1, 2.5, None, "é", b"\x00\r\n"]}, timeout=100)
    assert cache.get("k") == {"a": [1, 2.5, None, "é", b"\x00\r\n"]}
    assert 0 < cache.ttl("k") <= 100
    assert cache.touch("k", 1000) and cache.ttl("k") > 100
    assert cache.persist("k") and cache.ttl("k") is None
    assert cache.set("k", "x", nx=True) is False
    assert cache.add("k", "x") is False and cache.add("new", "x") is True
    cache.set_many({f"many{n}": n for n in range(500)}, timeout=None)
    assert cache.get_many(f"many{n}" for n in range(500)) == {f"many{n}": n for n in range(500)}
    assert cache.delete_many(f"many{n}" for n in range(100)) == 100
    assert cache.get_or_set("made", lambda: 7) == 7 and cache.get("made") == 7
    assert cache.delete("made") and not cache.has_key("made")
    big = "x" * 3_000_000
    cache.set("big", big)
    assert cache.get("big") == big


def counters():
    cache.set("n", 0, timeout=None)
    threads = [
        threading.Thread(target=lambda: [cache.incr("n", 2) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("n") == 800
    assert cache.decr("n", 300) == 500
    try:
        cache.incr("missing")
    except ValueError:
        pass
    else:
        raise AssertionError("a missing counter is an error")
    cache.set("versioned", "old", version=1)
    assert cache.incr_version("versioned") == 2
    assert (cache.get("versioned"), cache.get("versioned", version=2)) == (None, "old")


def locks():
    """Threads that count in two steps lose nothing as long as each holds the lock."""
    cache.set("guarded", 0)

    def work():
        for _ in range(10):
            with cache.lock("lock", timeout=60):
                cache.set("guarded", cache.get("guarded") + 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("guarded") == 40
    held = cache.lock("lock", timeout=60)
    assert held.acquire()
    assert not cache.lock("lock", timeout=60).acquire(blocking=False)
    held.release()


def patterns():
    other = caches["other"]
    for each in (cache, other):
        each.set_many({f"page:{n}": n for n in range(300)})
        each.set("kept", 1)
    assert sorted(cache.iter_keys("page:*")) == sorted(f"page:{n}" for n in range(300))
    assert len(cache.keys("page:1*")) == 111
    assert cache.delete_pattern("page:1*") == 111
    assert cache.delete_pattern("page:*", itersize=10) == 189
    assert cache.get("kept") == 1
    assert len(other.keys("page:*")) == 300, "another prefix is left alone"
    assert other.delete_pattern("*") == 301


def sessions():
    browsers = {user: Client() for user in ("mary", "peter")}
    for user, browser in browsers.items():
        assert browser.get("/show").json() == {"user": None, "cart": None}
        browser.get(f"/login/{user}")
    for n in range(5):
        for user, browser in browsers.items():
            cart = [f"{user}{item}" for item in range(n + 1)]
            assert browser.get(f"/put/{user}{n}").json() == {"user": user, "cart": cart}
    mary = browsers["mary"]
    key = mary.cookies["sessionid"].value
    assert SessionStore(key)["user"] == "mary"
    assert 0 < cache.ttl("django.contrib.sessions.cache" + key) <= 1800
    again = Client()
    again.cookies["sessionid"] = key
    assert again.get("/show").json()["user"] == "mary"

    # A login gives the session another key; what was known under the old one is gone.
    mary.get("/login/mary")
    assert mary.cookies["sessionid"].value != key
    assert again.get("/show").json() == {"user": None, "cart": None}
    assert len(mary.get("/show").json()["cart"]) == 5

    key = mary.cookies["sessionid"].value
    mary.get("/logout")
    assert not SessionStore().exists(key)
    assert mary.get("/show").json() == {"user": None, "cart": None}
    assert browsers["peter"].get("/show").json()["user"] == "peter"


def main():
    cache.clear()
    values()
    counters()
    locks()
    patterns()
    sessions()
    cache.clear()
    assert cache.keys("*") == []
    caches.close_all()


run(main)
