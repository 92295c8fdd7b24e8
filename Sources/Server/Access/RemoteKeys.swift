/// The keys that an issuer serves.
///
/// They are fetched again every few minutes, and when a token names a key that is not known. Where the
/// issuer does not answer, the keys it served last go on for a day: ``RemoteDocument``.
final class RemoteKeys: Sendable {
    private let document: RemoteDocument<TokenKeys>

    /// - Parameters:
    ///   - url: `https`, or `http` on this machine.
    ///   - cooldown: the least time between two requests.
    init(_ url: String, cooldown: Duration = .seconds(30)) throws {
        guard RemoteAnswer.isAllowed(url) else {
            throw AuthenticationError.unusableKeys("its address must begin with https://")
        }
        document = RemoteDocument(url, cooldown: cooldown) { bytes in
            try await TokenKeys(jwks: bytes, skipsOthers: true)
        }
    }

    /// Whether there are keys, and not too old.
    var isUsable: Bool { document.value != nil }

    /// The key of a name; nil where the issuer has none.
    ///
    /// - Throws: ``AuthenticationError/unavailable`` while there are no keys.
    func key(_ kid: String) async throws -> TokenKeys.Key? {
        if let key = document.value?[kid] { return key }
        guard let keys = try await document.renewed() else {
            throw AuthenticationError.unavailable
        }
        return keys[kid]
    }

    /// Fetches keys that are not fresh any more.
    func refresh() async { await document.refresh() }

    /// Keeps keys fresh until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await refresh()
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
