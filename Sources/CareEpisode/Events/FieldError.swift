/// Why one field of an event is refused.
public struct FieldError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field as a JSON Pointer (RFC 6901) into what was sent; empty for the whole event.
    public var pointer: String
    /// What is wrong, in `snake_case`; stable, for programs.
    public var code: String
    /// What is wrong, in words that follow the field's name, such as "must be greater than 0".
    ///
    /// Never repeats a value that was sent, which may be health information.
    public var detail: String

    /// An error about the field at `pointer`.
    public init(pointer: String, code: String, detail: String) {
        self.pointer = pointer
        self.code = code
        self.detail = detail
    }

    /// Pointer and detail: `/data/regimen/dose must be greater than 0`.
    public var description: String {
        pointer.isEmpty ? "the event \(detail)" : "\(pointer) \(detail)"
    }
}

/// An event is refused, with everything that is wrong with it.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one error, in the order of what was sent.
    public var errors: [FieldError]

    /// A refusal for these errors, of which there is at least one.
    public init(errors: [FieldError]) {
        precondition(!errors.isEmpty, "a refusal says why")
        self.errors = errors
    }

    /// All errors, separated by semicolons.
    public var description: String {
        errors.map(\.description).joined(separator: "; ")
    }
}
