"""What is published when a hook fails, and what is kept for that time. Pure.

    onFailure         what is published
    deny (default)    the affected traffic answers 500, from inside the RouteConfigurations that are already referenced
    hold              the Gateway's last state that all hooks accepted, whole; deny where there is none yet, or for
                      longer than holdFor
    bypass            the resource as it was before the hook

What is affected is what the hook would have decided on:

    Route             that route
    Endpoints         the routes that use the cluster
    Cluster           the routes that use the cluster
    VirtualHost       its domains, in a virtual host `error_vhost`
    HTTPListener      the RouteConfigurations of that listener
    Translation       all of the Gateway

Deny and bypass are about one resource, and hold nothing else back. Hold is about the whole Gateway, since a mix of a
kept resource with newer ones could refer to what is gone. Of several failures in one run hold outweighs deny, and deny
bypass; whatever is published, only what every hook accepted is remembered as such (`publication`).

What is denied stays so for the rest of the run: no reply of a later hook opens it again.

`draft` is a Gateway in the hands of its hooks, `denials` writes the answers 500, `kept_denials` puts them back where a
reply has changed them, `detours` finds listeners that would lead around them, `publication` puts together what goes
out, `hold_clock` ends a hold, `state_file` takes it over a restart; `last_run` is what the next run goes on from,
`taken_back` what an Envoy refuses of it.
"""
