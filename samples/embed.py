"""Watch a conversation from inside a program: packets in, states and findings out."""

from fsm import Monitor
from protocol import decode_events, decode_request, decode_response, events, line

monitor = Monitor()
monitor.on_step(print)  # every step; or logging.getLogger("mstrp").setLevel("DEBUG")
client = monitor.conversation(partial=True)  # partial: it began before we looked

ringing = events.LINE_CALLSTATE(call=0x10005, call_state=2, mode=1, privilege=4).encode()
for event in decode_events(ringing).events:
    client.event(event, frame=1, time=0.0)
call = client.calls[0x10005]
print(call.states, call.allowed()[:3], bool(call.may(line.Answer)), bool(call.may(line.BlindTransfer)))

request = decode_request(line.BlindTransfer(call=0x10005, dest_address="5551234", request_id=7).encode())
exchange = client.sent(request, frame=2, time=0.1)
answer = decode_response(line.BlindTransfer(ack=7).encode(), type(request))
client.answered(exchange, answer, frame=3, time=0.2)
client.event(events.LINE_REPLY(request_id=7), frame=4, time=0.3)
for finding in monitor.findings:
    print(finding)
