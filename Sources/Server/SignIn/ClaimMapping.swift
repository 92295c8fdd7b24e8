import CareEpisode
import FoundationEssentials
import Ledger

/// What an identity provider's claims come to here: roles, ledgers, and whom somebody is as an author.
///
/// It is read from a JSON file:
///
/// ```json
/// {"scopes": ["profile", "groups"],
///  "roles": {"claim": "groups", "values": {"iop-clinicians": ["clinician"], "iop-audit": ["auditor"]}},
///  "ledgers": {"claim": "groups", "values": {"iop-north": ["north"], "iop-all": ["*"]}},
///  "author": {"id": "employee_number", "name": "name"}}
/// ```
public struct ClaimMapping: Sendable, Hashable {
    /// The most bytes of the file.
    public static let sizeLimit = 1 << 20

    /// What is asked for at the provider, besides `openid`.
    let scopes: [String]
    private let roles: Source
    private let ledgers: Source
    private let authorID: ClaimName?
    private let authorName: ClaimName?
    private let authorRole: Source?

    /// Where some words come from.
    private enum Source: Hashable {
        /// The same for everybody.
        case fixed([String])
        /// A claim's own words.
        case claim(ClaimName)
        /// What the words of a claim stand for.
        case mapped(ClaimName, [String: [String]])

        func words(of claims: [String: ClaimValue]) -> Set<String> {
            switch self {
            case .fixed(let words): Set(words)
            case .claim(let name): Set(name.value(in: claims)?.words ?? [])
            case .mapped(let name, let meanings):
                Set((name.value(in: claims)?.words ?? []).flatMap { meanings[$0] ?? [] })
            }
        }
    }

    /// What claims come to.
    struct Mapped: Sendable, Hashable {
        var roles: [String]
        /// Nil for all.
        var ledgers: [String]?
        var author: SignInSession.Author
        /// Whether somebody may open anything at all.
        var isAnything: Bool { !roles.isEmpty && ledgers?.isEmpty != true }
    }

    /// What the claims of an ID token come to.
    func mapped(_ claims: [String: ClaimValue]) -> Mapped {
        let names = ledgers.words(of: claims)
        return Mapped(
            // What is none here says nothing, as in bearer tokens.
            roles: roles.words(of: claims).filter { Role(rawValue: $0) != nil }.sorted(),
            ledgers: names.contains("*")
                ? nil : names.filter { LedgerName($0) != nil }.sorted(),
            author: SignInSession.Author(
                id: authorID?.value(in: claims)?.text,
                name: authorName?.value(in: claims)?.text,
                role: authorRole?.words(of: claims).filter { AuthorRole(rawValue: $0) != nil }
                    .min()
            )
        )
    }

    // MARK: - The file

    /// Reads the file.
    ///
    /// - Throws: ``ClaimMappingError``, which names the member that is wrong.
    public init(_ bytes: [UInt8]) throws {
        guard bytes.count <= Self.sizeLimit else {
            throw ClaimMappingError("", "it has more than \(Self.sizeLimit) bytes")
        }
        guard let value = try? JSONDecoder().decode(ClaimValue.self, from: Data(bytes)) else {
            throw ClaimMappingError("", "it is not JSON")
        }
        let file = try Members(value, "", ["scopes", "roles", "ledgers", "author"])
        scopes = try file["scopes"].map { try Self.words($0, "/scopes") } ?? []
        for (index, scope) in scopes.enumerated()
        where scope.isEmpty || !scope.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw ClaimMappingError("/scopes/\(index)", "a scope has neither blanks nor quotes")
        }
        let given = try file.required("roles")
        // Whoever can sign in there would be that here.
        if case .list = given { throw ClaimMappingError("/roles", "must name a claim") }
        roles = try Self.source(given, "/roles") { word in
            let known = Role.allCases.map(\.rawValue)
            return known.contains(word) ? nil : "is no role; there are \(Self.list(known))"
        }
        ledgers = try Self.source(file.required("ledgers"), "/ledgers") { word in
            word == "*" || LedgerName(word) != nil
                ? nil : "is no ledger's name, and not * for all of them"
        }
        let author = try file["author"].map {
            try Members($0, "/author", ["id", "name", "role"])
        }
        authorID = try author?["id"].map { try Self.name($0, "/author/id") }
        authorName = try author?["name"].map { try Self.name($0, "/author/name") }
        authorRole = try author?["role"].map { value in
            try Self.source(value, "/author/role") { word in
                let known = AuthorRole.allCases.map(\.rawValue)
                return known.contains(word)
                    ? nil : "is no role of an author; there are \(Self.list(known))"
            }
        }
    }

    private static func list(_ words: [String]) -> String { words.joined(separator: ", ") }

    private static func source(
        _ value: ClaimValue,
        _ pointer: String,
        _ fault: (String) -> String?
    ) throws -> Source {
        func checked(_ value: ClaimValue, _ pointer: String) throws -> [String] {
            let words = try words(value, pointer)
            for (index, word) in words.enumerated() {
                guard let fault = fault(word) else { continue }
                throw ClaimMappingError("\(pointer)/\(index)", "\"\(word)\" \(fault)")
            }
            return words
        }
        if case .list = value { return .fixed(try checked(value, pointer)) }
        let members = try Members(value, pointer, ["claim", "values"])
        let name = try name(members.required("claim"), "\(pointer)/claim")
        guard let values = members["values"] else { return .claim(name) }
        guard case .object(let meanings) = values else {
            throw ClaimMappingError("\(pointer)/values", "must be an object")
        }
        return .mapped(
            name,
            try Dictionary(
                uniqueKeysWithValues: meanings.sorted { $0.key < $1.key }.map { word, meaning in
                    let place = word.replacing("~", with: "~0").replacing("/", with: "~1")
                    return (word, try checked(meaning, "\(pointer)/values/\(place)"))
                }
            )
        )
    }

    private static func name(_ value: ClaimValue, _ pointer: String) throws -> ClaimName {
        guard case .text(let text) = value, let name = ClaimName(text) else {
            throw ClaimMappingError(pointer, "must be the name of a claim")
        }
        return name
    }

    private static func words(_ value: ClaimValue, _ pointer: String) throws -> [String] {
        guard case .list(let list) = value else {
            throw ClaimMappingError(pointer, "must be a list of texts")
        }
        return try list.enumerated().map { index, value in
            guard case .text(let word) = value else {
                throw ClaimMappingError("\(pointer)/\(index)", "must be a text")
            }
            return word
        }
    }

    /// The members of an object, of which none may be unknown: a misspelled one would silently not
    /// count.
    private struct Members {
        private let members: [String: ClaimValue]
        private let pointer: String

        init(_ value: ClaimValue, _ pointer: String, _ known: [String]) throws {
            guard case .object(let members) = value else {
                throw ClaimMappingError(pointer, "must be an object")
            }
            for name in members.keys.sorted() where !known.contains(name) {
                throw ClaimMappingError(
                    "\(pointer)/\(name)",
                    "is not known; there are \(ClaimMapping.list(known))"
                )
            }
            (self.members, self.pointer) = (members, pointer)
        }

        subscript(_ name: String) -> ClaimValue? { members[name] }

        func required(_ name: String) throws -> ClaimValue {
            guard let value = members[name] else {
                throw ClaimMappingError("\(pointer)/\(name)", "is missing")
            }
            return value
        }
    }
}

extension ClaimValue {
    /// A word that fits into a row and on a page.
    fileprivate var text: String? {
        word.flatMap { $0.isEmpty || $0.utf8.count > 255 || $0.utf8.contains(0) ? nil : $0 }
    }
}

/// Why a file of claims cannot be used: the member, as a JSON Pointer, and what is wrong there.
public struct ClaimMappingError: Error, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    init(_ pointer: String, _ fault: String) {
        description = pointer.isEmpty ? fault : "\(pointer): \(fault)"
    }
}
