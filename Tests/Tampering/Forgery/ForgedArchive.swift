import Foundation

/// A ZIP archive as anybody can write one, right or wrong in any of its parts.
struct ForgedArchive: Equatable, ForgedFiles {
    /// A member, with what its two headers say of it.
    struct Member: Equatable {
        var name: String
        var bytes: [UInt8]
        /// What the header in front of the bytes says instead of the name, where it says another.
        var localName: String?
        var method: UInt16 = 0
        var extra: [UInt8] = []
        /// Added to the checksum in the directory alone.
        var directorySkew: UInt32 = 0
    }

    var members: [Member]
    var prepended: [UInt8] = []
    var appended: [UInt8] = []
    var comment: [UInt8] = []
    /// Bytes between the members and the directory.
    var gap: [UInt8] = []

    /// The members of an archive that the program has made.
    init(reading archive: [UInt8]) {
        members = []
        var offset = 0
        func number(_ at: Int, _ length: Int) -> Int {
            (0..<length).reduce(0) { $0 | Int(archive[offset + at + $1]) << (8 * $1) }
        }
        while archive[offset..<offset + 4].elementsEqual([0x50, 0x4B, 3, 4]) {
            let (size, length) = (number(22, 4), number(26, 2))
            let name = archive[(offset + 30)...].prefix(length)
            let bytes = archive[(offset + 30 + length)...].prefix(size)
            members.append(
                Member(name: String(decoding: name, as: UTF8.self), bytes: Array(bytes))
            )
            offset += 30 + length + size
        }
    }

    subscript(name: String) -> [UInt8] {
        get { members.first { $0.name == name }?.bytes ?? [] }
        set {
            for index in members.indices where members[index].name == name {
                members[index].bytes = newValue
            }
        }
    }

    /// The archive.
    var bytes: [UInt8] {
        var archive = prepended
        var directory: [UInt8] = []
        for member in members {
            let offset = archive.count
            let size = UInt32(member.bytes.count)
            let sum = Self.crc32(member.bytes)
            func fields(_ sum: UInt32, _ name: String) -> [UInt8] {
                little(20 as UInt16) + little(0x0800 as UInt16) + little(member.method)
                    + little(0 as UInt16) + little(0x21 as UInt16) + little(sum) + little(size)
                    + little(size) + little(UInt16(name.utf8.count))
                    + little(UInt16(member.extra.count))
            }
            let local = member.localName ?? member.name
            archive += little(0x0403_4B50 as UInt32) + fields(sum, local) + Array(local.utf8)
            archive += member.extra + member.bytes
            directory += little(0x0201_4B50 as UInt32) + little(20 as UInt16)
            directory += fields(sum &+ member.directorySkew, member.name)
            directory += little(0 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
            directory += little(0 as UInt32) + little(UInt32(offset)) + Array(member.name.utf8)
            directory += member.extra
        }
        archive += gap
        let start = UInt32(archive.count)
        archive += directory + little(0x0605_4B50 as UInt32) + little(0 as UInt32)
        archive += little(UInt16(members.count)) + little(UInt16(members.count))
        archive += little(UInt32(directory.count)) + little(start)
        return archive + little(UInt16(comment.count)) + comment + appended
    }

    private func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in
            sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1
        }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            bytes.withUnsafeBufferPointer { bytes in
                var sum: UInt32 = 0xFFFF_FFFF
                for byte in bytes { sum = table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
                return ~sum
            }
        }
    }
}
