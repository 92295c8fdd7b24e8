import Markup

/// Names of clients and staff, from the site's own directory: shown, and kept nowhere.
public struct People: Sendable {
    /// One person.
    public struct Person: Hashable, Sendable {
        /// As the person is called.
        public var name: String
        /// As the directory writes it; nil where nothing is known.
        public var dateOfBirth: String?
        /// Whether another key has the same name.
        public var isNamesake: Bool

        /// A person of a directory.
        public init(name: String, dateOfBirth: String? = nil, isNamesake: Bool = false) {
            self.name = name
            self.dateOfBirth = dateOfBirth
            self.isNamesake = isNamesake
        }

        /// What tells namesakes apart; nothing of others.
        var chip: [HTML] {
            guard isNamesake else { return [] }
            let words = dateOfBirth.map { "born \($0), same name" } ?? "same name"
            return [.text(" "), .tag("span", ["class": "chip line"], text: words)]
        }
    }

    private let persons: [String: Person]
    /// Whether the directory could not be asked, so that keys stand alone.
    public let isAway: Bool

    /// Names by their keys.
    public init(_ persons: [String: Person] = [:], isAway: Bool = false) {
        self.persons = persons
        self.isAway = isAway
    }

    /// Whether no name is known.
    public var isEmpty: Bool { persons.isEmpty }

    /// The person of a key; nil where no name is known.
    public subscript(_ key: String) -> Person? { persons[key] }

    /// The name of a key, else the key.
    public func name(_ key: String) -> String { persons[key]?.name ?? key }

    /// Whether all of these have names: then lists are in the order of the names.
    func haveNames(_ keys: some Sequence<String>) -> Bool {
        !isEmpty && keys.allSatisfy { persons[$0] != nil }
    }

    /// A client with a link: the name and under it the key, or the key alone.
    func client(_ key: String, href: String) -> [HTML] {
        guard let person = persons[key] else {
            return [.tag("a", ["class": "name id", "href": href], text: key)]
        }
        var parts: [HTML] = [
            .tag("a", ["class": "name", "href": href], text: person.name)
        ]
        parts += person.chip
        parts.append(.tag("span", ["class": "key-of id"], text: key))
        return parts
    }

    /// What stands above the content while the directory is away.
    public var notice: Notice? {
        guard isAway else { return nil }
        return Notice(
            .warn,
            "Names are away",
            [.text("The site’s directory does not answer; keys stand alone until it does.")]
        )
    }
}
