"""Which part of what Envoys are served would take a request, and which would not and why. Pure.

    question     what is asked: a URL, a method, headers → what an Envoy would see of that
    listeners    which Listener has the address, and which of its filter chains takes the connection
    hosts        which virtual host of the RouteConfiguration has the name
    routes       which of its routes takes the request, and at what the others miss it
    actions      what that route does: where it sends to, or what it answers
    explain      all of them, one after the other

It reads Envoy's messages by Envoy's rules, and knows nothing of the files or of Gateway API but the names that say from
which rule a route was made (`origins`). So it says the same of what a hook has changed, and of what was translated.
What cannot be told from a request, such as a part of them at random, is said to depend on that: it is never guessed.
`tests/envoy/test_explain.py` asks a real Envoy the same.
"""
