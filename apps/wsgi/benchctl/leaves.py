"""The test apps as leaves of stacks: a paste.app_factory for each, by its name with _ for -.

A leaf answers at every path, as those in apps/stack/suiteapps do, to the methods of its app. Its
config are the parameters of requests whose query has none.
"""

from . import config, suite


def __getattr__(factory):
    name = factory.replace("_", "-")
    if name not in config.CATALOG["apps"] or name not in suite.APPS:
        raise AttributeError("no app %r" % name)
    return lambda global_conf, /, **texts: leaf(name, config.read("apps", name, texts, global_conf))


def static(global_conf, /, **texts):
    """Refuse to be made: the content types of files are of tables that Python does not have."""
    raise config.ConfigError(
        "%sstatic is an app of the Go engines alone: content types are as Go's package mime knows them"
        % config.place(global_conf.get("__file__", ""), "use", 2)
    )


def leaf(name, conf):
    app, methods, params = suite.APPS[name]
    params = tuple(
        (key, getattr(conf, key, default), least, most) for key, default, least, most in params
    )

    def application(environ, start_response):
        headers = []
        reply = suite.checked(name, app, methods, params, environ, headers)
        return suite.respond(environ, start_response, reply, headers)

    return application
