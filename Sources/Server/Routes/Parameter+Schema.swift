import CareEpisode
import ProjectionRuntime

extension Parameter {
    /// What it does, other parameters by their names.
    var words: String {
        help.replacing("{", with: "`").replacing("}", with: "`")
    }

    /// The JSON Schema of its values.
    var schema: AnswerJSON {
        guard case .object(let members) = kind.schema else { return [:] }
        if repeats { return ["type": "array", "items": .object(members)] }
        return .object(members + (standardJSON.map { [(name: "default", value: $0)] } ?? []))
    }

    private var standardJSON: AnswerJSON? {
        guard let standard else { return nil }
        switch kind {
        case .integer, .cursor: return Int64(standard).map { .integer($0) } ?? .string(standard)
        default: return .string(standard)
        }
    }
}

extension Parameter.Kind {
    /// Not every such text is a time: months have different lengths.
    private static let time =
        "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        + "(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?"
        + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?"
    private static let type = EventType.allCases.map(\.rawValue).joined(separator: "|")

    fileprivate var schema: AnswerJSON {
        switch self {
        case .text: ["type": "string"]
        case .integer(let range):
            [
                "type": "integer", "minimum": .integer(range.lowerBound),
                "maximum": .integer(range.upperBound),
            ]
        case .cursor: Cursor.schema
        case .types: Self.matching("(\(Self.type))(,(\(Self.type)))*")
        case .date: ["type": "string", "format": "date"]
        case .time, .pastTime: Self.matching(Self.time)
        case .times: Self.matching("\(Self.time),\(Self.time)")
        case .episode: ["type": "string", "format": "uuid"]
        case .pattern(let pattern, _): ["type": "string", "pattern": .string(pattern)]
        case .choice(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .flag: ["type": "string", "enum": ["true", "false"]]
        case .programHours: Self.matching(".+=[0-9]+(\\.[0-9]+)?")
        }
    }

    private static func matching(_ pattern: String) -> AnswerJSON {
        ["type": "string", "pattern": .string("^\(pattern)$")]
    }
}
