"""Tables common to lines and phones: string formats, versions, return codes (2.2.1.8, 2.2.1.9, 1.7, 2.2.5.2)."""

from protocol.tables import Choice, value

__all__ = [
    "ACK_RETURN_VALUE",
    "NO_DATA",
    "SERVICETYPE",
    "STRINGFORMAT",
    "TAPI_VERSION",
    "TUISPIDLL_OBJECT",
]


class STRINGFORMAT(Choice, section="2.2.1.8"):
    """Encodings of the text in a VARSTRING or in capabilities."""

    ASCII = 1
    DBCS = 2
    UNICODE = 3
    BINARY = value(4, note="raw bytes; also used for numeric values")


class TUISPIDLL_OBJECT(Choice, section="2.2.1.9"):
    """Types of the object id in a provider user-interface request."""

    LINEID = 1
    PHONEID = 2
    PROVIDERID = 3
    DIALOGINSTANCE = 4


class SERVICETYPE(
    Choice,
    section="2.2.4.1.3.67.1",
    table="FLOWSPEC_ServiceType",
    remark="the two SERVICE_NO_* values are modifier bits; SERVICETYPE_NETWORK_UNAVAILBLE is spelled so in the spec",
):
    """Service types of a FLOWSPEC."""

    NOTRAFFIC = 0
    BESTEFFORT = 1
    CONTROLLEDLOAD = 2
    GUARANTEED = 3
    NETWORK_UNAVAILBLE = 4
    GENERAL_INFORMATION = 5
    NOCHANGE = 6
    NONCONFORMING = 9
    NETWORK_CONTROL = 10
    QUALITATIVE = 13
    SERVICE_NO_TRAFFIC_CONTROL = value(0x81000000, spelling="SERVICE_NO_TRAFFIC_CONTROL")
    SERVICE_NO_QOS_SIGNALING = value(0x40000000, spelling="SERVICE_NO_QOS_SIGNALING")


class ACK_RETURN_VALUE(
    Choice,
    section="2.2.5.2",
    table="TAPI32_MSG_AckReturnValue",
    prefix="",
    remark="TAPIERR_INVALRPCCONTEXT is positive and so collides with the range of async request ids",
):
    """Return codes of all requests."""

    TAPI_SUCCESS = 0
    TAPIERR_INVALRPCCONTEXT = 61697
    LINEERR_INVALPARAM = 0x80000032
    LINEERR_OPERATIONUNAVAIL = 0x80000049
    LINEERR_REINIT = 0x80000052


class NO_DATA(
    Choice,
    section="2.2.4.1.1.2",
    table="TAPI_NO_DATA",
    prefix="",
    remark="no section of its own; value given in several packet descriptions",
):
    """Marker for an absent offset, or for an output field that is not set."""

    TAPI_NO_DATA = 0xFFFFFFFF


class TAPI_VERSION(
    Choice,
    section="1.7",
    table="TAPI_Versions",
    remark=(
        "1.7 lists 1.4 and later; 0x00010003 appears only in 3.1.4.2 valid-value lists and, called "
        "TAPI_VERSION1_0, in phone NegotiateAPIVersion; symbolic names here are ours"
    ),
):
    """TAPI versions that can be negotiated."""

    V1_3 = value(0x00010003, spelling="TAPI_VERSION_1_3")
    V1_4 = value(0x00010004, spelling="TAPI_VERSION_1_4")
    V2_0 = value(0x00020000, spelling="TAPI_VERSION_2_0")
    V2_1 = value(0x00020001, spelling="TAPI_VERSION_2_1")
    V2_2 = value(0x00020002, spelling="TAPI_VERSION_2_2")
    V3_0 = value(0x00030000, spelling="TAPI_VERSION_3_0")
    V3_1 = value(0x00030001, spelling="TAPI_VERSION_3_1")
