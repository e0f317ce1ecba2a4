"""What invoked the function: an event comes in, tags, inferred spans, carriers of trace context and span pointers come out.

    trigger = identify(event)                                  # detect.py: which source, or None; imports that source's module
    inferred = infer(event, settings, make_id)                 # infer.py: everything of one event, for one invocation
    parent = connect(inferred, context_span_id, context_tags)  # spans.py: once the upstream context is known; gives aws.lambda's parent
    set_status(inferred, status)                               # response.py: `read_status` finds it in the function's answer
    complete(inferred, invocation_span, appsec_enabled)        # spans.py: when the runtime is done; may be done again
    attach_pointers(span, inferred.pointers)                   # pointers.py

Read `model.py` first: `Source` is what the rules of one event source are, `Inferred` what they give. Then one source (`sqs.py`); each has
a module of its own, which is imported when the first event of its kind comes. `detect.py` holds the order in which sources are tried.
Nothing here raises, whatever the event; one odd field costs that field. Nothing here reads a clock or rolls dice: ids come from `make_id`.
"""
