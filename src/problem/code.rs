//! The closed list of problems, each with a stable code, its status and its title.

macro_rules! codes {
    ($($(#[doc = $explanation:literal])+ $variant:ident = $status:literal $slug:literal $title:literal,)+) => {
        /// Why a request failed. The code is stable: clients may match it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $explanation])+ $variant,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it is sent.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// The title, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// What the code means, for the documentation.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($explanation, "\n"),+),)+ }
            }
        }
    };
}

codes! {
    /// The request is not HTTP, or its target cannot be read: bad percent-encoding, a NUL, invalid UTF-8.
    MalformedRequest = 400 "malformed-request" "The request is malformed",
    /// Arguments are missing, unknown, repeated, ill-typed or out of range; `errors` lists all of them.
    InvalidArguments = 400 "invalid-arguments" "The arguments are invalid",
    /// The body is not what its `Content-Type` says: broken JSON or form data, not an object, or nested too deep.
    MalformedBody = 400 "malformed-body" "The body is malformed",
    /// Rows of the body are wrong; `errors` lists the first ten mistakes, each with line, row and field. Nothing was loaded.
    InvalidRows = 400 "invalid-rows" "The rows are invalid",
    /// PostgreSQL refused an argument that had passed all declared rules (SQLSTATE class 22).
    ArgumentRefused = 400 "argument-refused" "An argument was refused",
    /// The endpoint wants an `Idempotency-Key`, and the request has none.
    IdempotencyKeyMissing = 400 "idempotency-key-missing" "An idempotency key is missing",
    /// The `Idempotency-Key` is none: it is given twice, is empty or longer than 255 characters, or has characters that no key has.
    IdempotencyKeyInvalid = 400 "idempotency-key-invalid" "The idempotency key is invalid",
    /// What stands for the number of an access request is none: they are UUIDs.
    RequestNumberInvalid = 400 "request-number-invalid" "That is no number of a request",
    /// The answer has more rows than the endpoint gives at once.
    TooManyRows = 400 "too-many-rows" "The answer is too long",
    /// The expression cannot be calculated; the detail says where and why.
    Expression = 400 "expression" "The expression is invalid",
    /// The request brings more than one credential, or the same one twice.
    SeveralCredentials = 400 "several-credentials" "More than one credential",
    /// The route wants a caller who has signed in, and the request says nothing of who sends it.
    Unauthenticated = 401 "unauthenticated" "Sign in first",
    /// The request's API key or token is not valid, or not any more.
    InvalidCredential = 401 "invalid-credential" "The credential is not valid",
    /// The cursor was not made for this question and this caller, or is too old: ask from the start.
    CursorInvalid = 400 "cursor-invalid" "The cursor is invalid",
    /// There is no token in the request, or nobody's.
    TokenInvalid = 401 "token-invalid" "The token is invalid",
    /// The token was somebody's, and has expired or was revoked.
    TokenEnded = 401 "token-ended" "The token has ended",
    /// Nobody approves their own request, nor reviews their own emergency access.
    SelfApproval = 403 "self-approval" "One's own request",
    /// The policy does not name the caller among its approvers.
    NotAnApprover = 403 "not-an-approver" "Not an approver",
    /// The caller is in none of the groups of `credentials.operators`.
    NotAnOperator = 403 "not-an-operator" "Not an operator",
    /// The policy does not let the caller ask for it.
    NotEligible = 403 "not-eligible" "Not eligible",
    /// Only whoever made the request may do this.
    NotYours = 403 "not-yours" "Another person's request",
    /// The caller's last emergency access waits for its reviews; until then there is no other request.
    ReviewDue = 403 "review-due" "A review is due",
    /// The policy has no emergency access.
    NoBreakGlass = 403 "no-break-glass" "No emergency access",
    /// The caller may not do this.
    Forbidden = 403 "forbidden" "Not permitted",
    /// The caller is known and lacks a scope that the route wants; the detail names them.
    InsufficientScope = 403 "insufficient-scope" "A scope is missing",
    /// There is nothing at this path.
    NotFound = 404 "not-found" "Not found",
    /// The path is right and what it names does not exist.
    RowNotFound = 404 "row-not-found" "No such thing",
    /// The path exists, the method does not; `Allow` lists those that do.
    MethodNotAllowed = 405 "method-not-allowed" "Method not allowed",
    /// There is no policy of this name.
    PolicyUnknown = 404 "policy-unknown" "No such policy",
    /// There is no access request of this number.
    RequestUnknown = 404 "request-unknown" "No such request",
    /// The caller accepts none of the media types or codings that there are; the detail lists them.
    NotAcceptable = 406 "not-acceptable" "Not acceptable",
    /// The request did not arrive in time.
    RequestTimeout = 408 "request-timeout" "The request took too long to arrive",
    /// The change contradicts what is stored: a key that exists already, or one that does not (SQLSTATE 23505, 23503).
    Conflict = 409 "conflict" "The change conflicts with what is stored",
    /// Another request with this `Idempotency-Key` is being carried out; `Retry-After` says when to ask for its answer.
    RequestInProgress = 409 "request-in-progress" "The request is being carried out",
    /// The access request was not decided on, or not taken up, in its time.
    RequestLapsed = 409 "request-lapsed" "The request has lapsed",
    /// The access request is not the one that was read: it was edited since. Read it again.
    RequestEdited = 409 "request-edited" "The request was edited",
    /// The access request is in a state in which this cannot be done.
    WrongState = 409 "wrong-state" "Not in this state",
    /// The access request is for something else: a login is not a rotation.
    WrongAction = 409 "wrong-action" "Not what was asked for",
    /// The policy has changed since the request was made: make it again.
    PolicyChanged = 409 "policy-changed" "The policy has changed",
    /// The caller has decided on this request already.
    AlreadyDecided = 409 "already-decided" "Already decided",
    /// The login of this request was made; its secret is shown once.
    AlreadyActive = 409 "already-active" "Already active",
    /// The access request is not approved yet.
    NotApproved = 409 "not-approved" "Not approved",
    /// Somebody who approved may no longer approve, so that too few are left.
    ApproverNotEligible = 409 "approver-not-eligible" "An approval no longer counts",
    /// The caller has as many open requests as the policy allows.
    TooManyPending = 409 "too-many-pending" "Too many open requests",
    /// The body is larger than the service takes.
    BodyTooLarge = 413 "body-too-large" "The body is too large",
    /// The target is longer than the service takes.
    UriTooLong = 414 "uri-too-long" "The target is too long",
    /// The body has a media type that the endpoint does not read.
    UnsupportedMediaType = 415 "unsupported-media-type" "Unsupported media type",
    /// The body is compressed in a way that is not read; `Accept-Encoding` lists those that are.
    UnsupportedEncoding = 415 "unsupported-encoding" "Unsupported content encoding",
    /// A rule of the database refuses the value (SQLSTATE 23502, 23514, class 22).
    Unprocessable = 422 "unprocessable" "The values break a rule",
    /// The `Idempotency-Key` came with another request before; a new request needs a new key.
    IdempotencyKeyReused = 422 "idempotency-key-reused" "The idempotency key was used for another request",
    /// More time is asked for than the policy gives.
    DurationTooLong = 422 "duration-too-long" "Too long",
    /// The role that the policy names does not exist.
    RoleUnknown = 422 "role-unknown" "No such role",
    /// The role that the policy names may change roles or bypass the rules; nobody gets it for a while.
    RoleTooPowerful = 422 "role-too-powerful" "The role is too powerful",
    /// The caller asks more often than the service allows; `Retry-After` says when to ask again.
    RateLimited = 429 "rate-limited" "Too many requests",
    /// The header fields are more or larger than the service takes.
    HeadersTooLarge = 431 "headers-too-large" "The header fields are too large",
    /// Something failed that the caller cannot mend; the log has the rest under the request id.
    Internal = 500 "internal" "Internal error",
    /// The database's definition changed and no longer fits what the service was started with.
    DefinitionChanged = 500 "definition-changed" "The database changed its shape",
    /// The database is away, or takes no more connections.
    DatabaseUnavailable = 503 "database-unavailable" "The database is unavailable",
    /// A change was sent and its outcome was lost, as when the connection broke: it may or may not have been made.
    OutcomeUnknown = 503 "outcome-unknown" "The outcome is unknown",
    /// The token's issuer has not given its keys yet, so nobody can tell whether the token is valid.
    IssuerUnavailable = 503 "issuer-unavailable" "The issuer cannot be asked",
    /// The route's requests go to the audit trail, and this one's record could not be kept, so there is no answer.
    AuditUnavailable = 503 "audit-unavailable" "The audit trail cannot be written",
    /// More requests wait than the lane has room for.
    Overloaded = 503 "overloaded" "Too many requests wait",
    /// Two transactions collided, also after a retry where one is allowed (SQLSTATE 40001, 40P01).
    Collision = 503 "collision" "The change collided with another",
    /// The keeper that was asked does not lead: another does, or it has no database.
    NotLeading = 503 "not-leading" "This keeper does not lead",
    /// The service is stopping.
    ShuttingDown = 503 "shutting-down" "The service is stopping",
    /// The deadline passed before there was an answer (SQLSTATE 57014).
    DeadlineExceeded = 504 "deadline-exceeded" "It took too long",
    /// The address did not answer.
    NoAnswer = 504 "no-answer" "No answer",
}
