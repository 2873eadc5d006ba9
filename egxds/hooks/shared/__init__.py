"""One answer to one request for all replicas: replies of extension servers, shared through a store of keys. Awaits.

A reply is part of the input. Two replicas that get two of them to one request serve two things, and an extension that
is asked by all of them is asked for nothing. So whoever has a request that nobody has asked yet claims it, asks, and
puts the reply where the others find it:

    nothing stands at the key of a request ---- a claim is put there ------------------> asked here
    a claim of another replica stands there --- its reply comes, or another one did ---> taken
    a claim of another replica stands there --- it goes, as its replica or its call
                                                has ended -----------------------------> claimed
    a claim of another replica stands there --- `timeout` has passed ------------------> asked here, too
    a reply stands there --------------------------------------------------------------> taken
    asked here, and answered ------------------ nobody has put a reply there ----------> put, and gone by
    asked here, and answered ------------------ somebody has --------------------------> theirs is taken
    asked here, and the call fails ----------------------------------------------------> the claim goes

Claims are there to have a hook called once; what they cannot prevent is that it is called twice. What holds whatever
happens is that of all replies to a request one was put first, and whoever can ask the store goes by that one.

A failure is no reply: what is done about it is for each replica to decide, and so may be its cause. A refusal on
purpose is none either.

A reply is judged once more by what depends on other resources, and by Envoys. One that was of no use there is asked for
anew, as long as it is; where something else is said then, the extension has changed its mind, which is a reason to ask
everything again.

Where the store cannot be asked, replies are those that each replica gets by itself. Once it can be, all of that is
asked again, and the replies in the store are taken (`sharing`).

A key names a request under an epoch of its extension, which is another one whenever some replica has a reason to ask
again (`epochs`).
"""
