import CareEpisode
import Testing

@Suite("Cursors")
struct CursorTests {
    @Test(
        "A cursor is a position, of a later incarnation with its number in front, and is read back",
        arguments: [
            ("0", 1, 0, "0"), ("1234", 1, 1_234, "1234"), ("1.1234", 1, 1_234, "1234"),
            ("2.1234", 2, 1_234, "2.1234"), ("2147483647.1", Int32.max, 1, "2147483647.1"),
            // The beginning is the same in all of them.
            ("2.0", 1, 0, "0"), ("9223372036854775807", 1, .max, "9223372036854775807"),
        ] as [(String, Int32, Int64, String)]
    )
    func read(_ text: String, _ incarnation: Int32, _ position: Int64, _ written: String) throws {
        let cursor = try #require(Cursor(text))
        #expect(cursor.incarnation == incarnation && cursor.position == Position(position))
        #expect(cursor.description == written)
        #expect(Cursor(cursor.description) == cursor)
    }

    @Test(
        "Nothing else is a cursor",
        arguments: [
            "", ".", "-1", "+1", "01", "1.", ".1", "0.1", "01.1", "1.01", "-1.1", "1.-1", "1.1.1",
            " 1", "1 ", "x", "1x", "2147483648.1", "9223372036854775808", "1,5", "١",
        ]
    )
    func refused(_ text: String) { #expect(Cursor(text) == nil) }

    @Test("In JSON a cursor is a number as long as there was no restore, and text afterwards")
    func json() {
        #expect(String(decoding: Cursor(Position(7)).json.bytes, as: UTF8.self) == "7")
        let later = Cursor(Position(7), incarnation: 2)
        #expect(String(decoding: later.json.bytes, as: UTF8.self) == #""2.7""#)
    }
}
