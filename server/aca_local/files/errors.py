"""The one place where the Files service's errors are made and written.

Codes and statuses: "File service error codes" and "Common REST API error codes" of the Azure Storage
documents; the body's shape (byte order mark, `<Error><Code/><Message/>`, no body for HEAD) from recorded
traffic.
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

CODES: Mapping[str, tuple[int, str]] = {
    "AccountNotFound": (404, "The specified account does not exist."),
    "AuthenticationFailed": (403, "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."),
    "AuthorizationFailure": (403, "This request is not authorized to perform this operation."),
    "AuthorizationPermissionMismatch": (403, "This request is not authorized to perform this operation using this permission."),
    "AuthorizationProtocolMismatch": (403, "This request is not authorized to perform this operation using this protocol."),
    "AuthorizationResourceTypeMismatch": (403, "This request is not authorized to perform this operation using this resource type."),
    "AuthorizationServiceMismatch": (403, "This request is not authorized to perform this operation using this service."),
    "AuthorizationSourceIPMismatch": (403, "This request is not authorized to perform this operation using this source IP."),
    "CannotVerifyCopySource": (404, "Could not verify the copy source within the specified time."),
    "ConditionHeadersNotSupported": (400, "Condition headers are not supported."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "Crc64Mismatch": (400, "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server."),
    "DirectoryNotEmpty": (409, "The specified directory is not empty."),
    "EmptyMetadataKey": (400, "The key for one of the metadata key-value pairs is empty."),
    "InsufficientAccountPermissions": (403, "Operation not currently authorized due to lack of account permissions."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "InvalidAuthenticationInfo": (400, "Authentication information is not given in the correct format. Check the value of Authorization header."),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidHttpVerb": (400, "The HTTP verb specified is invalid - it is not recognized by the server."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidMd5": (400, "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded."),
    "InvalidMetadata": (400, "The metadata specified is invalid. It has characters that are not permitted."),
    "InvalidQueryParameterValue": (400, "Value for one of the query parameters specified in the request URI is invalid."),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidResourceName": (400, "The specifed resource name contains invalid characters."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "InvalidXmlNodeValue": (400, "The value for one of the XML nodes is not in the correct format."),
    "KeyBasedAuthenticationNotPermitted": (403, "Key based authentication is not permitted on this storage account."),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithFileOperation": (412, "The lease ID specified did not match the lease ID for the file."),
    "LeaseIdMismatchWithLeaseOperation": (409, "The lease ID specified did not match the lease ID for the file."),
    "LeaseIdMissing": (412, "There is currently a lease on the resource and no lease ID was specified in the request."),
    "LeaseIsBrokenAndCannotBeRenewed": (409, "The lease ID matched, but the lease has been broken explicitly and cannot be renewed."),
    "LeaseLost": (412, "A lease ID was specified, but the lease for the file has expired."),
    "LeaseNotPresentWithFileOperation": (412, "There is currently no lease on the file."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease on the file."),
    "Md5Mismatch": (400, "The MD5 value specified in the request did not match with the MD5 value calculated by the server."),
    "MetadataTooLarge": (400, "The size of the specified metadata exceeds the maximum size permitted."),
    "MissingContentLengthHeader": (411, "Content-Length HTTP header is not specified."),
    "MissingRequiredHeader": (400, "An HTTP header that's mandatory for this request is not specified."),
    "MissingRequiredQueryParameter": (400, "A query parameter that's mandatory for this request is not specified."),
    "MissingRequiredXmlNode": (400, "A required XML node was not specified in the request body."),
    "NoAuthenticationInformation": (401, "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    "OutOfRangeInput": (400, "One of the request inputs is out of range."),
    "OutOfRangeQueryParameterValue": (400, "One of the query parameters specified in the request URI is outside the permissible range."),
    "ParentNotFound": (404, "The specified parent path does not exist."),
    "PreviousSnapshotNotFound": (409, "The previous snapshot is not found."),
    "PreviousSnapshotOperationNotSupported": (409, "The file was renamed since the previous snapshot; ask with x-ms-file-support-rename."),
    "ReadOnlyAttribute": (409, "The specified resource is read-only and cannot be modified at this time."),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ResourceAlreadyExists": (409, "The specified resource already exists."),
    "ResourceNotFound": (404, "The specified resource does not exist."),
    "ResourceTypeMismatch": (409, "The specified resource type does not match the type of the existing resource."),
    "ShareAlreadyExists": (409, "The specified share already exists."),
    "ShareBeingDeleted": (409, "The specified share is being deleted. Try operation later."),
    "ShareHasSnapshots": (409, "The share has snapshots and the operation requires no snapshots."),
    "ShareNotFound": (404, "The specified share does not exist."),
    "ShareSizeLimitReached": (409, "The operation would exceed the share's size limit."),
    "ShareSnapshotNotFound": (404, "The specified share snapshot does not exist."),
    "ShareSnapshotOperationNotSupported": (400, "The specified operation cannot be performed on a share snapshot."),
    "UnsupportedHeader": (400, "One of the HTTP headers specified in the request is not supported."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support specified Http Verb."),
    "UnsupportedQueryParameter": (400, "One of the query parameters specified in the request URI is not supported."),
    "UnsupportedXmlNode": (400, "One of the XML nodes specified in the request body is not supported."),
}  # fmt: skip


class FilesError(Exception):
    """A refused request: HTTP status, the service's error code, a message, headers, details for the body.

    `not_served` says that Azure might have done it: `aca-local coverage` lists what was refused for that.
    """

    not_served = False

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **fields: str,
    ) -> None:
        default_status, message = CODES[code]
        self.code = code
        self.status = status or default_status
        self.message = f"{message} {detail}".rstrip()
        self.headers = headers or {}
        self.fields = fields
        super().__init__(f"{code}: {self.message}")


def not_served(error: FilesError) -> FilesError:
    """Return the error, marked: a version, an operation, a parameter or a header that is not served here."""
    error.not_served = True
    return error


def error_body(error: FilesError, request_id: str, time: str) -> bytes:
    """Return the XML of an error, as the service writes it.

    `request_id` is the reply's `x-ms-request-id`, `time` its moment in ISO form.
    """
    message = escape(f"{error.message}\nRequestId:{request_id}\nTime:{time}")
    fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in error.fields.items())
    return (
        f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{error.code}</Code>'
        f"<Message>{message}</Message>{fields}</Error>"
    ).encode(errors="replace")  # of what a header said, whatever its bytes were
