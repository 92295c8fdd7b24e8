/// What a question is given: the values of its parameters as they were written.
public struct Arguments: Sendable {
    /// By the parameters' names.
    public var values: [String: [String]]

    /// The values by the parameters' names.
    public init(_ values: [String: [String]] = [:]) {
        self.values = values
    }
}

/// Why a question cannot be asked, each reason with the parameter that it is about.
public struct QuestionRefusal: Error, Sendable {
    /// One reason.
    public struct Reason: Hashable, Sendable {
        /// The parameter.
        public var parameter: String
        /// What is wrong, in `snake_case`; stable, for programs.
        public var code: Code
        /// What is wrong and what is accepted, in words that follow the parameter's name.
        ///
        /// `{name}` stands for another parameter. Never repeats a value, which may be health
        /// information.
        public var detail: String

        /// A reason: the parameter, what is wrong with it, and words that follow its name.
        public init(parameter: String, code: Code, detail: String) {
            self.parameter = parameter
            self.code = code
            self.detail = detail
        }

        /// That a parameter is given which is none of these.
        ///
        /// Its name is not repeated: who has mixed up fields may have put anything there.
        public static func unknown(_ parameters: [Parameter]) -> Reason {
            let known = parameters.map { "{\($0.name)}" }.joined(separator: ", ")
            let detail =
                "has an unknown parameter; it may have \(known.isEmpty ? "none" : known)"
            return Reason(parameter: "query", code: .unknown, detail: detail)
        }
    }

    /// What is wrong.
    public enum Code: String, Sendable {
        /// It is needed.
        case required
        /// It cannot be read, or is not among what is accepted.
        case invalid
        /// It is given more than once.
        case repeated
        /// It is of no use beside another parameter.
        case conflict
        /// It contradicts the order of two.
        case order
        /// It lies in the future, of which nothing can be known.
        case liesAhead = "lies_ahead"
        /// There is no such parameter.
        case unknown
    }

    /// At least one, in the order of the parameters.
    public var reasons: [Reason]
    /// What the question knows.
    public var parameters: [Parameter]

    /// A refusal for these reasons, of which there is at least one.
    public init(_ reasons: [Reason], _ parameters: [Parameter]) {
        precondition(!reasons.isEmpty, "a refusal says why")
        self.reasons = reasons
        self.parameters = parameters
    }

    /// Whether the values are well formed, and only the time has not come yet.
    public var isOnlyAhead: Bool { reasons.allSatisfy { $0.code == .liesAhead } }

    /// The reasons as a door spells the parameters.
    public func reasons(
        spelling: (Parameter) -> String
    ) -> [(parameter: String, code: String, detail: String)] {
        let names = Dictionary(
            parameters.map { ($0.name, spelling($0)) },
            uniquingKeysWith: { first, _ in first }
        )
        return reasons.map { reason in
            (
                names[reason.parameter] ?? reason.parameter, reason.code.rawValue,
                Self.spelled(reason.detail, names)
            )
        }
    }

    /// A text in which parameters stand in braces, as a door spells them.
    public static func spelled(_ text: String, _ names: [String: String]) -> String {
        names.reduce(text) { $0.replacing("{\($1.key)}", with: $1.value) }
    }
}
