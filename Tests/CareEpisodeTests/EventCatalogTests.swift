import Foundation
import Testing

@testable import CareEpisode

/// `docs/events.md` against the schema, which is made of what the parser reads.
@Suite("The catalog of events in docs/events.md")
struct EventCatalogTests {
    /// A field as the page or the schema has it.
    private struct Field: Hashable, Comparable, CustomStringConvertible {
        let name: String
        let isRequired: Bool

        var description: String { name + (isRequired ? "*" : "") }

        static func < (left: Field, right: Field) -> Bool { left.description < right.description }
    }

    private static let page: String = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/events.md")
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }()

    /// The first paragraph below the heading of a type.
    private static func paragraph(_ type: EventType) throws -> String {
        let lines = page.split(separator: "\n")
        let heading = try #require(
            lines.firstIndex { $0.hasPrefix("### ") && $0.contains("`\(type.rawValue)`") }
        )
        return String(lines[heading + 1])
    }

    /// The fields that a paragraph names outside brackets: `name`, `name`*, `name[]`.
    private static func fields(_ paragraph: String) -> Set<Field> {
        var plain = ""
        var depth = 0
        for character in paragraph {
            if character == "(" { depth += 1 }
            if depth == 0 { plain.append(character) }
            if character == ")" { depth -= 1 }
        }
        let types = EventType.allCases.map(\.rawValue)
        return Set(
            plain.matches(of: /`([a-z_]+)(?:\[\])?`(\*?)/).map {
                Field(name: String($0.output.1), isRequired: !$0.output.2.isEmpty)
            }
            .filter { !types.contains($0.name) && $0.name != "occurred_at" }
        )
    }

    private static func fields(schema: AnswerJSON) -> Set<Field> {
        let required = schema["required"]?.elements.map(\.text) ?? []
        return Set(
            (schema["properties"]?.members ?? []).map {
                Field(name: $0.name, isRequired: required.contains($0.name))
            }
        )
    }

    private static func schema(_ name: String) throws -> AnswerJSON {
        try #require(EventSchema.components.first { $0.name == name }?.value)
    }

    private static func dataSchema(_ type: EventType) throws -> AnswerJSON {
        let name = type.rawValue.split(separator: "_").map(\.capitalized).joined()
        return try schema(name + "Data")
    }

    @Test("The fields of each type are those of the page", arguments: EventType.allCases)
    func typeFields(_ type: EventType) throws {
        var told = Self.fields(try Self.paragraph(type))
        // One section tells both ends, of which a completion has no reason.
        if type == .completed { told.remove(Field(name: "reason", isRequired: true)) }
        #expect(told.sorted() == Self.fields(schema: try Self.dataSchema(type)).sorted())
    }

    @Test("The fields of the envelope are those of the page's table")
    func envelope() throws {
        let rows = Self.page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let told = rows.flatMap { row -> [Field] in
            let cell = row.split(separator: "|")[0]
            return cell.matches(of: /`([a-z_]+)`(\*?)/).map {
                Field(name: String($0.output.1), isRequired: !$0.output.2.isEmpty)
            }
        }
        #expect(told.count == 9)
        #expect(Set(told) == Self.fields(schema: try Self.schema("AdmittedEvent")))
        #expect(
            Set(told + [Field(name: "episode_id", isRequired: true)])
                == Self.fields(schema: try Self.schema("AdmittedLine"))
        )
    }

    @Test(
        "Every closed list of codes on the page is the schema's",
        arguments: [
            (EventType.sessionAttended, "kind"), (.sessionAttended, "modality"),
            (.sessionAttended, "attendance"), (.sessionAttended, "mode"),
            (.sessionMissed, "reason"), (.familySessionHeld, "focus"),
            (.medicationAdjusted, "change"), (.discharged, "reason"),
        ]
    )
    func codes(_ type: EventType, _ field: String) throws {
        let paragraph = try Self.paragraph(type)
        let start = try #require(paragraph.range(of: "`\(field)`"))
        let list = paragraph[start.upperBound...].drop { $0 == "*" || $0 == " " }
        #expect(list.first == "(")
        let codes = list.prefix { $0 != ")" }.matches(of: /`([a-z_0-9-]+)`/)
            .map { String($0.output.1) }
        let schema = try Self.dataSchema(type)["properties"]?[field]
        #expect(codes == schema?["enum"]?.elements.map(\.text))
    }

    @Test("Levels of care and roles of authors are the page's")
    func levelsAndRoles() throws {
        func codes(after words: String) throws -> [String] {
            let start = try #require(Self.page.range(of: words))
            return Self.page[start.upperBound...].prefix { $0 != "\n" && $0 != "|" }
                .matches(of: /`([a-z_]+)`/).map { String($0.output.1) }
        }
        #expect(
            try codes(after: "Levels of care, from high to low:")
                == LevelOfCare.allCases.map(\.rawValue)
        )
        #expect(try codes(after: "Roles:") == AuthorRole.allCases.map(\.rawValue))
    }
}
