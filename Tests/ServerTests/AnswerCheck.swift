import CareEpisode
import Synchronization

@testable import Server

/// Holds every answer of the service against the service's own OpenAPI document.
final class AnswerCheck: Sendable {
    private static let document: JSONValue = {
        guard let document = try? JSONValue(OpenAPI.document) else {
            preconditionFailure("the OpenAPI document is JSON")
        }
        return document
    }()

    private let had = Mutex<Set<String>>([])

    /// Every property of every good answer.
    static let properties: Set<String> = {
        let schema = JSONSchema(document: document)
        var all: Set<String> = []
        for (path, methods) in document["paths"]?.members ?? [:] {
            for (method, operation) in methods.members {
                for response in (operation["responses"]?.members ?? [:]).values {
                    for (type, content) in response["content"]?.members ?? [:] {
                        let place = "\(method) \(path) \(type) "
                        all.formUnion(schema.properties(content["schema"] ?? .null, place))
                    }
                }
            }
        }
        return all
    }()

    /// The properties that no answer had so far.
    var lacking: Set<String> { had.withLock { Self.properties.subtracting($0) } }

    /// What is wrong with an answer; empty where it is as the document has it.
    func faults(
        _ method: String,
        _ path: String,
        _ status: Int,
        type: String?,
        _ bytes: [UInt8]
    ) -> [String] {
        let schema = JSONSchema(document: Self.document)
        let type = String((type ?? "").prefix { $0 != ";" })
        if type == "application/problem+json" {
            guard status >= 400, let value = try? JSONValue(bytes) else {
                return ["\(status) is no problem"]
            }
            return schema.verdict(value, ["$ref": "#/components/schemas/Problem"], "").faults
        }
        guard let template = template(path),
            let operation = Self.document["paths"]?[template]?[method.lowercased()]
        else { return ["\(method) \(path) is not in the document, and answered \(status)"] }
        guard let response = operation["responses"]?["\(status)"] else {
            return ["\(method) \(template) has no answer \(status) in the document"]
        }
        guard let contents = response["content"]?.members else {
            return bytes.isEmpty ? [] : ["\(status) has a body that is not in the document"]
        }
        guard let content = contents[type]?["schema"] else {
            return ["\(method) \(template) has no answer in \(type) in the document"]
        }
        let texts: [ArraySlice<UInt8>] =
            switch type {
            case "application/json": [bytes[...]]
            case "application/x-ndjson": bytes.split(separator: 0x0A)
            default: []
            }
        return texts.flatMap { text -> [String] in
            guard let value = try? JSONValue(text) else { return ["the answer is no JSON"] }
            let place = "\(method.lowercased()) \(template) \(type) "
            let verdict = schema.verdict(value, content, place)
            if verdict.faults.isEmpty { had.withLock { $0.formUnion(verdict.had) } }
            return verdict.faults
        }
    }

    /// The path of the document that a request's path is one of.
    private func template(_ path: String) -> String? {
        let parts = path.prefix { $0 != "?" }.split(separator: "/")
        func fits(_ template: String) -> Bool {
            let names = template.split(separator: "/")
            let hasRest = names.last == "{tile}"
            guard hasRest ? parts.count >= names.count : parts.count == names.count else {
                return false
            }
            return zip(names, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        return Self.document["paths"]?.members.keys.filter(fits)
            .min { $0.filter { $0 == "{" }.count < $1.filter { $0 == "{" }.count }
    }
}
