extension String {
    /// What an index has of a text, as the database's `left(…, 200)`: an entry of an index has 2,704
    /// bytes at most, a text of an event up to 16,384.
    var indexed: String { String(String.UnicodeScalarView(unicodeScalars.prefix(200))) }
}
