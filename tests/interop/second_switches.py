"""The mistakes that the second subject can make, one at a time; names are stable.

One line each: name, kind, section of MS-TRP (or rule of the call model) that it breaks, what it does.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A mistake."""

    kind: str
    section: str
    text: str


LINES = """
events-reversed | order | 3.3.4.2 | the records of one RemoteSPEventProc are in reverse order
appnewcall-after-state | order | 2.2.4.2.1.6 | LINE_APPNEWCALL follows the LINE_CALLSTATE of the new call
callstate-before-reply | order | 2.2.4.2.2.19 | LINE_CALLSTATE of a new call precedes the completion of MakeCall
connected-after-idle | order | 2.2.3.1.29 | CONNECTED is reported for a call that is idle
callinfo-after-idle | order | 2.2.4.2.1.7 | LINE_CALLINFO is sent for an idle call
event-after-close | order | 2.2.4.1.2.1 | LINE_LINEDEVSTATE is sent for a closed line
event-after-deallocate | order | 2.2.4.1.3.6 | LINE_CALLSTATE is sent for a released handle
appnewcall-missing | lost events | 2.2.4.2.1.6 | a new call is not announced
appnewcall-twice | order | 2.2.4.2.1.6 | a new call is announced twice
appnewcall-for-own-call | order | 2.2.4.2.1.6 | LINE_APPNEWCALL for a call that the client made
appnewcall-below-2.0 | versions | 2.2.2 | LINE_APPNEWCALL to a client below 2.0
callstate-twice | order | 2.2.4.2.1.8 | every LINE_CALLSTATE is sent twice
event-idle-lost | lost events | 2.2.4.2.1.8 | IDLE is never reported
event-connected-lost | lost events | 4.4 | CONNECTED is not reported after Answer
event-disconnected-lost | lost events | 2.2.3.1.37 | DISCONNECTED is never reported
event-hold-lost | lost events | 2.2.4.1.3.42 | ONHOLD is never reported
event-unhold-lost | lost events | 2.2.4.1.3.81 | CONNECTED is not reported after UnHold
event-accepted-lost | lost events | 2.2.4.1.3.1 | ACCEPTED is never reported
event-far-connected-lost | lost events | 2.2.4.2.1.8 | the caller is not told that the call is connected
event-conferenced-lost | lost events | 2.2.4.2.1.8 | CONFERENCED is never reported
event-offering-lost | lost events | 2.2.4.2.1.6 | LINE_APPNEWCALL is not followed by LINE_CALLSTATE
event-consult-dialtone-lost | lost events | 2.2.4.1.3.78 | a consultation call has no first state
every-seventh-event-lost | lost events | 2.2.4.2 | one event of seven is lost
makecall-no-states | lost events | 2.2.4.1.3.43 | a call that was made never gets a state
callstate-two-bits | fields | 2.2.4.2.1.8 | Param1 has two states
callstate-zero | fields | 2.2.4.2.1.8 | Param1 is 0 for RINGBACK
callstate-privilege | fields | 2.2.4.2.1.8 | Param2 has the other privilege
callstate-media | fields | 2.2.4.2.1.8 | Param3 has a media mode that is not the call's
callstate-remote-line | fields | 2.2.4.2.1.8 | hRemoteLine is not the client's
busy-mode-zero | fields | 2.2.4.2.1.8 | BUSY without LINEBUSYMODE
appnewcall-address-id | fields | 2.2.4.2.1.6 | Param1 is an address that does not exist
appnewcall-call-id | fields | 2.2.4.2.1.6 | Param3 is not the call id of LINECALLINFO
callinfo-third-word | fields | 2.2.4.2.1.7 | fnPostProcessProcHandle is not 0
initcontext-zero | fields | 2.2.5.1 | InitContext is 0
opencontext-zero | fields | 2.2.5.1 | OpenContext is 0
opencontext-of-other | fields | 2.2.5.1 | OpenContext is that of the last open line
hremote-ignored | fields | 2.2.4.1.1.5 | events name hLine although hRemoteLine was given
totalsize-wrong | sizes | 2.2.5.1 | TotalSize of LINE_CALLINFO is 4 too high
ringing-mode-zero | fields | 2.2.4.2.1.17 | ring mode 0 in LINE_LINEDEVSTATE
devstate-unmasked | order | 2.2.4.1.3.75 | LINE_LINEDEVSTATE without SetStatusMessages
addressstate-unmasked | order | 2.2.4.1.3.75 | LINE_ADDRESSSTATE without SetStatusMessages
status-messages-ignored | lost events | 2.2.4.1.3.75 | SetStatusMessages succeeds and changes nothing
masks-shared | clients | 2.2.4.1.3.75 | SetStatusMessages of one opener is that of all
event-to-wrong-client | clients | 2.2.5.1 | DISCONNECTED goes to the client that attached first
reply-missing | replies | 2.2.4.2.1.25 | Hold, UnHold and Drop are not completed
reply-missing-answer | replies | 2.2.4.2.1.25 | Answer is not completed
reply-twice | replies | 2.2.4.2.1.25 | every request is completed twice
reply-twice-hold | replies | 2.2.4.2.1.25 | Hold is completed twice
reply-wrong-id | replies | 2.2.4.2.1.25 | the completion names another request id
reply-after-failure | replies | 2.2.4.1.3 | a refused request is completed too
reply-positive-result | replies | 2.2.4.2.1.25 | the result of Hold is 1
reply-fails-but-acts | replies | 2.2.4.2.1.25 | Hold fails and the call is held
reply-context-lost | replies | 2.2.4.2.2 | lpContext is not echoed
reply-call-context-lost | replies | 2.2.4.2.2.19 | lphCallContext of MakeCall is not echoed
reply-consult-context-lost | replies | 2.2.4.2.2.24 | lphConsultCallContext of SetUpTransfer is not echoed
reply-conf-context-lost | replies | 2.2.4.2.2 | the context of the conference handle is not echoed
makecall-no-handle | replies | 2.2.4.2.2.19 | MakeCall succeeds with hCall 0
makecall-reply-short | sizes | 2.2.4.2.2.19 | the completion of MakeCall has 40 bytes
makecall-call-id | values | 2.2.4.2.2.19 | dwCallID is not that of LINECALLINFO
async-returns-zero | replies | 2.2.4.1.3.42 | Hold returns 0
deallocate-returns-id | replies | 2.2.4.1.3.6 | DeallocateCall returns 1
request-id-replaced | replies | 2.2.4.1.3 | the server uses another request id than the client's
request-id-negative | replies | 2.2.4.1.3 | a generated request id is above 0x7FFFFFFF
error-positive | values | 2.2.3.1 | a dead handle gives an error code without the sign bit
error-undocumented | values | 2.2.3.1 | every failure gives 0x80001234
failures-return-zero | values | 2.2.4.1 | every failure returns 0
answer-no-effect | states | 2.2.4.1.3.4 | Answer succeeds and the call stays as it was
accept-no-effect | states | 2.2.4.1.3.1 | Accept succeeds and the call stays OFFERING
accept-connects | states | 2.2.4.1.3.1 | Accept connects the call
drop-no-effect | states | 2.2.4.1.3.15 | Drop succeeds and the call stays as it was
dial-no-effect | states | 2.2.4.1.3.14 | Dial succeeds and nothing is dialled
redirect-no-effect | states | 2.2.4.1.3.51 | Redirect succeeds and the call stays OFFERING
makecall-offering | states | 2.2.4.1.3.43 | a call that was made is OFFERING
far-end-not-connected | states | 4.4 | the caller stays in RINGBACK after Answer
far-end-not-disconnected | states | 2.2.3.1.37 | the far end stays connected after Drop
answer-drops-other-call | states | 2.2.6.23 | Answer drops another call though dwAnswerMode is NONE
drop-clears-whole-line | states | 2.2.4.1.3.15 | Drop ends every call of the line
answer-any-state | states | 2.2.4.1.3.4 | Answer is accepted in every state
accept-any-state | states | 2.2.4.1.3.1 | Accept is accepted in every state
drop-any-state | states | 2.2.4.1.3.15 | Drop is accepted for an idle call
dial-any-state | states | 2.2.4.1.3.14 | Dial is accepted in every state
redirect-any-state | states | 2.2.4.1.3.51 | Redirect is accepted in every state
hold-any-state | hold | 2.2.4.1.3.42 | Hold is accepted in every state
unhold-any-state | hold | 2.2.4.1.3.81 | UnHold is accepted in every state
swaphold-any-state | hold | 2.2.4.1.3.79 | SwapHold is accepted in every state
hold-no-effect | hold | 2.2.4.1.3.42 | Hold succeeds and the call stays connected
hold-pending-transfer | hold | 2.2.4.1.3.42 | Hold leads to ONHOLDPENDTRANSFER
hold-holds-other-call | hold | 2.2.4.1.3.42 | Hold holds another call of the line
unhold-no-effect | hold | 2.2.4.1.3.81 | UnHold succeeds and the call stays held
swaphold-no-effect | hold | 2.2.4.1.3.79 | SwapHold succeeds and changes nothing
swaphold-one-side | hold | 2.2.4.1.3.79 | SwapHold leaves the held call held
swaphold-same-handle | hold | 3.1.4.2-087-03 | SwapHold is accepted with one handle twice
blindtransfer-no-effect | transfer | 4.5 | BlindTransfer leaves the call connected
blindtransfer-disconnects | transfer | 4.5 | the call ends in DISCONNECTED, not IDLE
blindtransfer-drops-far-end | transfer | 2.2.4.1.3.5 | the far party is disconnected
blindtransfer-any-state | transfer | 2.2.4.1.3.5 | BlindTransfer is accepted in every state
transfer-target-not-offered | transfer | 2.2.4.1.3.5 | the new destination is not called
setuptransfer-original-connected | transfer | 2.2.4.1.3.78 | the original call stays connected
setuptransfer-original-onhold | transfer | 2.2.4.1.3.78 | the original call is ONHOLD
setuptransfer-same-handle | transfer | 2.2.4.2.2.24 | the consultation call has the handle of the original
setuptransfer-any-state | transfer | 2.2.4.1.3.78 | SetUpTransfer is accepted in every state
consult-accepted | transfer | 2.2.4.1.3.78 | a consultation call starts in ACCEPTED
consult-related-id | values | 2.2.4.2.2.24 | dwRelatedCallID is 0
consult-drop-no-reconnect | transfer | 2.2.3.1.1 | Drop of the consultation call leaves the original held though AUTORECONNECT is set
unhold-leaves-consult | transfer | 2.2.4.1.3.81 | UnHold of the original leaves the consultation call
completetransfer-not-joined | transfer | 2.2.4.1.3.8 | the parties are disconnected instead of joined
completetransfer-original-stays | transfer | 2.2.4.1.3.8 | the original call stays held
completetransfer-consult-stays | transfer | 2.2.4.1.3.8 | the consultation call stays connected
completetransfer-same-handle | transfer | 3.1.4.2-011-04 | CompleteTransfer is accepted with one handle twice
completetransfer-other-line | transfer | 3.1.4.2-011-05 | CompleteTransfer is accepted with calls of two lines
completetransfer-no-parent | conference | 2.2.4.2.2.3 | CompleteTransfer to a conference gives hConfCall 0
completetransfer-any-state | transfer | 2.2.4.1.3.8 | CompleteTransfer is accepted in every state
transfer-mode-unchecked | bounds | 3.1.4.2-011-01 | dwTransferMode 3 is accepted
conf-original-stays-connected | conference | 2.2.4.1.3.77 | the original call stays connected
conf-parent-connected | conference | 2.2.4.1.3.77 | the conference call is CONNECTED at once
conf-member-names-itself | conference | 2.2.4.2.1.8 | CONFERENCED names the member, not the conference
conf-handles-swapped | conference | 2.2.4.2.2.23 | hConfCall and hConsultCall are exchanged
conf-add-call-stays | conference | 2.2.4.1.3.2 | AddToConference leaves the added call as it was
conf-add-parent-stays | conference | 2.2.4.1.3.2 | AddToConference leaves the conference call pending
conf-prepare-parent-stays | conference | 2.2.4.1.3.50 | PrepareAddToConference leaves the conference call connected
conf-remove-no-effect | conference | 2.2.4.1.3.53 | RemoveFromConference succeeds and changes nothing
conf-remove-other-state | conference | 2.2.6.6 | the removed call gets another state than dwRemoveFromConfState
conf-drop-leaves-members | conference | 2.2.4.1.3.15 | Drop of a conference leaves its members though CONFDROP is set
conf-not-dissolved | conference | 2.2.4.1.3.53 | a conference of one member stays
remove-any-state | conference | 3.1.4.2-063-02 | RemoveFromConference is accepted for a call in no conference
prepare-any-call | conference | 2.2.4.1.3.50 | PrepareAddToConference is accepted for an ordinary call
setupconference-any-state | conference | 2.2.4.1.3.77 | SetUpConference is accepted in every state
addtoconference-any-state | conference | 2.2.4.1.3.2 | AddToConference is accepted in every state
unknown-call-accepted | handles | 3.1.4.2 | a call handle that was never given out is accepted
released-call-accepted | handles | 2.2.2 | a released call handle is accepted
deallocate-keeps-handle | handles | 2.2.4.1.3.6 | the handle is alive after DeallocateCall
other-clients-call-accepted | handles | 3.1.4.2 | the call handle of another client is accepted
other-clients-line-accepted | handles | 3.1.4.2 | the line handle of another client is accepted
closed-line-accepted | handles | 2.2.4.1.2.1 | a closed line handle is accepted
close-leaves-calls | handles | 2.2.4.1.2.1 | call handles are alive after Close
app-handle-kept | handles | 2.2.4.1.2.2 | hLineApp is alive after ShutDown
app-handle-unchecked | handles | 3.1.4.2 | any hLineApp is accepted
shutdown-leaves-lines | handles | 2.2.4.1.2.2 | lines are open after ShutDown
context-survives-detach | handles | 3.1.4.3 | the context handle is alive after ClientDetach
detach-leaves-everything | handles | 3.1.4.3 | ClientDetach frees no line and no call
remotesp-detach-missing | handles | 3.1.4.3 | RemoteSPDetach is not called
needed-below-used | sizes | 2.2.6 | dwNeededSize is below dwUsedSize
needed-is-total | sizes | 2.2.6 | dwNeededSize is never above dwTotalSize
used-too-high | sizes | 2.2.6 | dwUsedSize counts 8 bytes too many
used-zero | sizes | 2.2.6 | dwUsedSize is 0
used-over-total | sizes | 2.2.6 | a structure exceeds the room that was given
total-is-used | sizes | 2.2.6 | dwTotalSize is not what the client gave
part-past-end | sizes | 2.2.6 | strings have sizes that run past the structure
newcalls-count | sizes | 2.2.6.21 | dwCallsNumEntries is one too high
length-is-header | sizes | 3.1.4.2 | only the header of a response is returned
used-size-high | sizes | 3.1.4.2 | *plUsedSize is 4 too high
small-buffer-accepted | sizes | 3.1.4.2 | a buffer below the fixed part is accepted
room-unchecked | sizes | 3.1.4.2 | a size above VarData is accepted
offset-nonzero | sizes | 2.2.4.1.1.3 | the offset of a returned structure is 4, its place 0
pull-needed-zero | sizes | 2.2.4.1.8.1 | dwNeededBufferSize is 0
pull-used-high | sizes | 2.2.4.1.8.1 | dwUsedBufferSize is 4 too high
list-sizes-unchecked | sizes | 3.1.4.2-130 | lists of any size are accepted
one-device-too-many | values | 2.2.4.1.1.1 | dwNumDevs counts a line that does not exist
one-device-too-few | values | 2.2.4.1.1.1 | dwNumDevs counts a line too few
caps-two-addresses | values | 2.2.6.23 | dwNumAddresses is 2, GetNumAddressIDs 1
two-address-ids | values | 2.2.4.1.3.38 | GetNumAddressIDs is 2, dwNumAddresses 1
caps-same-permanent-id | values | 2.2.6.23 | both lines have the same dwPermanentLineID
caps-string-format | values | 2.2.6.23 | dwStringFormat is 0
caps-no-media | values | 2.2.6.23 | dwMediaModes is 0
caps-no-bearer | values | 2.2.6.23 | dwBearerModes is 0
caps-answer-mode | values | 2.2.6.23 | dwAnswerMode has two bits
addresscaps-other-line | values | 2.2.6.6 | dwLineDeviceID is another line
addresscaps-number | values | 2.2.6.6 | the address is not the one that is called
caps-no-hold-feature | values | 2.2.6.6 | dwCallFeatures lacks HOLD, which GetCallStatus offers
caps-no-onhold-state | values | 2.2.6.6 | dwCallStates lacks ONHOLD, which is reported
status-features | values | 2.2.6.17 | dwCallFeatures offers ANSWER for a connected call
callstatus-stale | values | 2.2.6.17 | dwCallState is the state before
callstatus-mode | values | 2.2.6.17 | dwCallStateMode is 0
callstatus-privilege | privileges | 2.2.6.17 | dwCallPrivilege of a monitor is OWNER
callinfo-call-id | values | 2.2.6.19 | dwCallID is not that of the event
callinfo-line-handle | values | 2.2.6.19 | hLine is no handle
callinfo-device | values | 2.2.6.19 | dwLineDeviceID is the other line
callinfo-media | values | 2.2.6.19 | dwMediaMode is not that of LINE_CALLSTATE
callinfo-origin | values | 2.2.6.19 | dwOrigin of an incoming call is OUTBOUND
callinfo-reason | values | 2.2.6.19 | dwReason has no legal bit
callinfo-no-owner | values | 2.2.6.19 | dwNumOwners is 0
callinfo-monitors | values | 2.2.6.19 | dwNumMonitors is always 0
callinfo-parties-swapped | values | 2.2.6.19 | caller and called are exchanged
callinfo-party-flags | values | 2.2.6.19 | party flags say UNAVAIL though the address is there
callids-address | values | 2.2.4.1.3.30 | dwAddressID of GetCallIDs does not exist
callids-call-id | values | 2.2.4.1.3.30 | dwCallID of GetCallIDs is another
appspecific-lost | values | 2.2.4.1.3.63 | SetAppSpecific is not in LINECALLINFO
appspecific-no-event | lost events | 2.2.4.2.1.7 | SetAppSpecific sends no LINE_CALLINFO
addressid-wrong | values | 2.2.4.1.3.20 | GetAddressID gives an id that does not exist
getid-other-device | values | 2.2.4.1.3.35 | GetID gives the other line
addressstatus-counts | values | 2.2.6.7 | dwNumActiveCalls is always 0
linestatus-opens | values | 2.2.6.24 | dwNumOpens is one too high
linestatus-calls | values | 2.2.6.24 | dwNumActiveCalls is always 9
newcalls-empty | clients | 2.2.4.1.3.37 | GetNewCalls lists nothing
newcalls-repeats | clients | 2.2.4.1.3.37 | GetNewCalls lists calls that the client holds
negotiates-above-range | versions | 2.2.4.1.1.2 | the negotiated version is above dwVersionCurrent
versions-inverted-accepted | versions | 3.1.4.2-052-04 | dwVersion above dwVersionCurrent is accepted
versions-unknown-accepted | versions | 3.1.4.2-052-05 | a range without a known version is accepted
version-unchecked | versions | 3.1.4.2-034-04 | an unknown version is accepted
extversion-unchecked | versions | 3.1.4.2-054-08 | an extension version is accepted though there is none
list-above-high-version | versions | 2.2.4.1.8.2 | the list has a version above dwAPIHighVersion
monitor-may-all | privileges | 2.2.4.1.3 | a monitor may do everything
monitor-may-drop | privileges | 2.2.4.1.3.15 | a monitor may drop
monitor-may-answer | privileges | 2.2.4.1.3.4 | a monitor may answer
monitor-may-hold | privileges | 2.2.4.1.3.42 | a monitor may hold
monitor-may-setuptransfer | privileges | 2.2.4.1.3.78 | a monitor may set up a transfer
monitor-may-set | privileges | 2.2.4.1.3.63 | a monitor may set the application-specific value
monitor-gets-owner | privileges | 2.2.3.1.26 | an open line with MONITOR gets the calls as owner
monitor-called-owner | privileges | 2.2.4.2.1.8 | LINE_CALLSTATE calls a monitor OWNER
newcalls-owner-for-monitor | privileges | 2.2.4.1.3.37 | GetNewCalls makes a monitor an owner
none-gets-calls | privileges | 2.2.3.1.26 | a line open with NONE gets incoming calls
open-none-with-owner | privileges | 3.1.4.2-054-03 | NONE with OWNER is accepted
open-undefined-bits | privileges | 3.1.4.2-054-04 | undefined bits of dwPrivileges are accepted
open-without-privilege | privileges | 3.1.4.2-054-03 | dwPrivileges 0 is accepted
open-media-unchecked | bounds | 3.1.4.2-054-07 | undefined media modes are accepted
monitor-sees-nothing | clients | 2.2.4.2.1.8 | a monitor gets no LINE_CALLSTATE
monitor-sees-first-state | clients | 2.2.4.2.1.8 | a monitor gets only the first state
monitor-misses-idle | clients | 2.2.4.2.1.8 | a monitor is not told of IDLE
monitor-not-told-of-calls | clients | 2.2.4.2.1.6 | a monitor is not told of new calls
close-kills-other-openers | clients | 2.2.4.1.2.1 | Close of one opener voids the calls of the others
close-drops-shared-calls | clients | 2.2.4.1.2.1 | Close drops calls that others own
close-leaves-far-end | clients | 2.2.3.1.32 | Close does not drop the calls though CLOSEDROP is set
deallocate-drops-call | clients | 2.2.4.1.3.6 | DeallocateCall of a monitor drops the call
second-client-refused | clients | 3.1.4.1 | a second client cannot attach
hangs-for-second-client | robustness | 3.1.4.1 | ClientAttach of a second client is never answered
attach-marker | values | 3.1.4.1-01 | phAsyncEventsEvent is 0
hang-on-37 | robustness | 3.2.2 | GetID is never answered
hang-on-46 | robustness | 3.2.2 | Hold is never answered
hang-on-63 | robustness | 3.2.2 | RemoveFromConference is never answered
hang-on-103 | robustness | 3.2.2 | phone GetStatus is never answered
drop-connection-on-87 | robustness | 3.1.4.2 | the connection is closed on SwapHold
drop-connection-on-38 | robustness | 3.1.4.2 | the connection is closed on GetLineDevStatus
drop-connection-on-64 | robustness | 3.1.4.2 | the connection is closed on SecureCall
rpc-fault-on-23 | robustness | 3.1.4.2 | an RPC fault answers GetAddressStatus
rpc-fault-on-57 | robustness | 3.1.4.2 | an RPC fault answers PrepareAddToConference
stops-after-60-requests | robustness | 3.2.2 | a client gets no answer after 60 requests
short-request-drops-connection | robustness | 3.1.4.2-GEN-02 | the connection is closed on a request below 60 bytes
short-request-accepted | bounds | 3.1.4.2-GEN-01 | a request below 60 bytes returns 0
unknown-request-drops-connection | robustness | 3.1.4.2-GEN-04 | the connection is closed on an unknown Req_Func
unknown-request-accepted | bounds | 3.1.4.2-GEN-04 | an unknown Req_Func returns 0
string-alignment-unchecked | bounds | 3.1.4.2-008-01 | an odd string offset is accepted
string-bounds-unchecked | bounds | 3.1.4.2-008-01 | a string offset past VarData is accepted
string-end-unchecked | bounds | 3.1.4.2-008-01 | a string without terminator is accepted
block-unchecked | bounds | 3.1.4.2-007-01 | user-user information outside VarData is accepted
callparams-unchecked | bounds | 3.1.4.2-LCP | LINECALLPARAMS is not checked
device-unchecked | bounds | 3.1.4.2-034-03 | a device that does not exist is taken for the first
newcalls-select-unchecked | bounds | 3.1.4.2-039-03 | dwSelect of GetNewCalls is not checked
status-bits-unchecked | bounds | 3.1.4.2-082-02 | undefined bits of SetStatusMessages are accepted
phone-monitor-may-set | phone | 3.1.4.2-114-04 | a monitor of a phone may set
phone-two-owners | phone | 2.2.4.1.4.4 | a phone has two owners
phone-privilege-unchecked | phone | 3.1.4.2-107-02 | any dwPrivilege is accepted
phone-device-unchecked | phone | 3.1.4.2-105-02 | any hook switch device is accepted
phone-hook-mode-unchecked | phone | 3.1.4.2-114-03 | any hook switch mode is accepted
phone-hook-not-set | phone | 2.2.4.1.6.18 | SetHookSwitch changes nothing
phone-volume-not-set | phone | 2.2.4.1.6.22 | SetVolume changes nothing
phone-gain-not-set | phone | 2.2.4.1.6.17 | SetGain changes nothing
phone-hook-inverted | phone | 2.2.4.1.6.6 | GetHookSwitch names the devices that are on hook
phone-ring-volume | phone | 2.2.4.1.6.9 | the volume of GetRing is above 0xFFFF
phone-status-hook | phone | 2.2.6.48 | PHONESTATUS has another hook switch mode
phone-status-owners | phone | 2.2.6.48 | dwNumOwners is 0
phone-caps-lamps | phone | 2.2.6.42 | dwNumButtonLamps is not that of the lists
phone-one-too-many | phone | 2.2.4.1.4.1 | dwNumDevs counts a phone that does not exist
phone-state-unmasked | phone | 2.2.4.1.6.21 | PHONE_STATE without SetStatusMessages
phone-state-value | phone | 2.2.4.2.1.32 | Param2 of PHONE_STATE is 0
phone-reply-missing | phone | 2.2.4.2.1.31 | phone requests are not completed
phone-reply-as-line-reply | phone | 2.2.4.2.1.31 | phone requests are completed by LINE_REPLY
phone-line-errors | phone | 2.2.3.2.4 | a dead phone handle gives a LINEERR code
phone-close-ignored | phone | 2.2.4.1.5.1 | the phone is open after Close
"""


def table() -> dict[str, Fault]:
    """The mistakes by name."""
    rows = [[part.strip() for part in line.split("|")] for line in LINES.strip().splitlines()]
    return {name: Fault(*rest) for name, *rest in rows}


FAULTS = table()


class _Active:
    name = ""


def activate(name: str) -> None:
    """Make the server make a mistake."""
    _Active.name = name


def active() -> str:
    """The mistake that is made."""
    return _Active.name


def on(name: str) -> bool:
    """Whether the server makes this mistake."""
    return _Active.name == name
