import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Pages
import Synchronization

/// Where names come from: a file, or the site's own system.
///
/// Names are shown and kept nowhere.
public final class Directory: Sendable {
    private enum Source: Sendable {
        case file(String)
        case system(String)
    }

    /// So long a system may take.
    private static let timeout: Duration = .seconds(1)
    /// So long a system's answer is taken for true.
    private static let freshness: Duration = .seconds(300)
    /// The most keys that a system is asked for at once.
    private static let keyLimit = 200
    /// The most keys that a search answers.
    static let searchLimit = 50
    /// The most names that are remembered of a system.
    private static let nameLimit = 100_000
    /// The most bytes of a system's answer.
    private static let sizeLimit = 1 << 20

    /// Follows nothing: keys go to no other address.
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: .init(redirectConfiguration: .disallow)
    )

    private let source: Source
    private let onTrouble: @Sendable (String) -> Void
    private let state = Mutex(State())

    private struct State {
        /// Of a file, as it was read last.
        var file = DirectoryCSV.none
        /// What tells that a file has changed.
        var stamp: [Int] = []
        var lookedAt: ContinuousClock.Instant?
        /// Of a system; nil where it knows no name of a key.
        var names: [String: (person: People.Person?, until: ContinuousClock.Instant)] = [:]
    }

    /// Names the place.
    ///
    /// - Parameters:
    ///   - place: a CSV file, or an address: `https`, or `http` on this machine.
    ///   - onTrouble: told that a file cannot be used, and why; no name.
    /// - Throws: where it is neither, or the file cannot be used.
    public init(_ place: String, onTrouble: @escaping @Sendable (String) -> Void) throws {
        self.onTrouble = onTrouble
        if place.contains("://") {
            guard let url = URLComponents(string: place), let host = url.host, !host.isEmpty,
                url.scheme == "https"
                    || (url.scheme == "http" && PublicOrigin.isThisComputer(host))
            else {
                throw DirectoryError(
                    "the directory's address must begin with https:// (http:// on this computer)"
                )
            }
            source = .system(place)
        } else {
            source = .file(place)
            guard readFile(place) else {
                throw DirectoryError("the directory \(place) cannot be used")
            }
        }
    }

    /// The names of some keys.
    func people(_ keys: some Sequence<String>) async -> People {
        let wanted = Set(keys)
        switch source {
        case .file(let path):
            let isRead = readFile(path)
            let persons = state.withLock { $0.file.persons }
            return People(persons.filter { wanted.contains($0.key) }, isAway: !isRead)
        case .system(let url):
            return await ask(url, wanted)
        }
    }

    /// The keys of clients whose names hold a text.
    ///
    /// - Returns: nil where the directory does not answer.
    func search(_ text: String) async -> [String]? {
        switch source {
        case .file(let path):
            guard readFile(path) else { return nil }
            let sought = text.lowercased()
            let found = state.withLock { state in
                state.file.persons.filter { $0.value.name.lowercased().contains(sought) }
            }
            return found.sorted { ($0.value.name, $0.key) < ($1.value.name, $1.key) }
                .prefix(Self.searchLimit).map(\.key)
        case .system(let url):
            struct Asked: Encodable { let search: String }
            struct Answered: Decodable { let keys: [String] }
            let answer: Answered? = await post(url, Asked(search: text))
            return answer.map { Array($0.keys.prefix(Self.searchLimit)) }
        }
    }

    // MARK: - A file

    /// Reads a file where it has changed, and looks for that once a second at most.
    ///
    /// - Returns: false where it cannot be used; the names of before stay.
    private func readFile(_ path: String) -> Bool {
        let (isDue, before) = state.withLock { state in
            let isDue = state.lookedAt.map { $0 + .seconds(1) <= .now } ?? true
            if isDue { state.lookedAt = .now }
            return (isDue, state.stamp)
        }
        guard isDue else { return !before.isEmpty }
        guard let about = try? FileManager.default.attributesOfItem(atPath: path),
            let changed = about[.modificationDate] as? Date, let size = about[.size] as? Int
        else {
            state.withLock { $0.stamp = [] }
            onTrouble("the directory cannot be read")
            return false
        }
        let number = about[.systemFileNumber] as? Int ?? 0
        let stamp = [Int(changed.timeIntervalSince1970 * 1_000_000), size, number]
        guard stamp != before else { return true }
        do {
            guard size <= DirectoryCSV.sizeLimit else {
                throw DirectoryError("it has more than \(DirectoryCSV.sizeLimit) bytes")
            }
            let file = try DirectoryCSV(Array(Data(contentsOf: URL(filePath: path))))
            state.withLock { ($0.file, $0.stamp) = (file, stamp) }
            return true
        } catch {
            state.withLock { $0.stamp = [] }
            onTrouble("the directory cannot be used: \(error)")
            return false
        }
    }

    // MARK: - A system

    private struct Keys: Encodable { let keys: [String] }

    private struct Names: Decodable {
        struct Name: Decodable {
            let name: String
            let preferredName: String?
            let dateOfBirth: String?

            enum CodingKeys: String, CodingKey {
                case name
                case preferredName = "preferred_name"
                case dateOfBirth = "date_of_birth"
            }
        }
        let names: [String: Name]
    }

    private func ask(_ url: String, _ wanted: Set<String>) async -> People {
        let known = state.withLock { $0.names.filter { $0.value.until > .now } }
        var lacking = wanted.subtracting(known.keys).sorted()[...]
        var persons = known.filter { wanted.contains($0.key) }.compactMapValues(\.person)
        var isAway = false
        // What takes longer than a page may wait is asked for by the next page.
        let end = ContinuousClock.now + Self.timeout
        while !lacking.isEmpty, !isAway {
            let keys = Array(lacking.prefix(Self.keyLimit))
            lacking = lacking.dropFirst(Self.keyLimit)
            guard ContinuousClock.now < end,
                let answer: Names = await post(url, Keys(keys: keys))
            else {
                isAway = true
                break
            }
            state.withLock { state in
                if state.names.count + keys.count > Self.nameLimit { state.names = [:] }
                for key in keys {
                    let person = answer.names[key].map {
                        People.Person(
                            name: $0.preferredName ?? $0.name,
                            dateOfBirth: $0.dateOfBirth
                        )
                    }
                    state.names[key] = (person, .now + Self.freshness)
                    persons[key] = person
                }
            }
        }
        markNamesakes(&persons)
        return People(persons, isAway: isAway)
    }

    /// Tells those apart whose names others have, among all that are remembered: a page of one client
    /// asks for that one alone.
    private func markNamesakes(_ persons: inout [String: People.Person]) {
        let names = Set(persons.values.map(\.name))
        let others = state.withLock { state in
            state.names.compactMapValues(\.person).filter { names.contains($0.value.name) }
        }
        let all = others.merging(persons) { $1 }
        for keys in Dictionary(grouping: all.keys, by: { all[$0]?.name ?? "" }).values
        where keys.count > 1 {
            for key in keys { persons[key]?.isNamesake = true }
        }
    }

    private func post<Answer: Decodable & Sendable>(
        _ url: String,
        _ question: some Encodable
    ) async -> Answer? {
        do {
            var request = HTTPClientRequest(url: url)
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(question)))
            let asked = request
            return try await withTimeout(Self.timeout) {
                let response = try await Self.client.execute(asked, timeout: .seconds(1))
                guard response.status == .ok else { throw DirectoryError("it does not answer") }
                let body = try await response.body.collect(upTo: Self.sizeLimit)
                return try JSONDecoder().decode(
                    Answer.self,
                    from: Data(body.readableBytesView)
                )
            }
        } catch {
            onTrouble("the directory does not answer")
            return nil
        }
    }
}

/// Why a directory cannot be used; no name.
public struct DirectoryError: Error, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    init(_ description: String) { self.description = description }
}
