"""Label Studio: label configs, tasks, a server, people's answers and how far they agree. Knows tables, not videos.

Its public names are those of the modules in `__all__`. Import what you need from its module, such as
`from labeling.server import Server`: some of them take seconds to import, which the others need not wait for.
"""

__all__ = [
    "agreement",
    "anchoring",
    "answers",
    "config",
    "dawid_skene",
    "errors",
    "exports",
    "local_server",
    "push",
    "server",
    "tasks",
]
