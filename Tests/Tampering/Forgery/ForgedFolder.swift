import Foundation

/// Files of packets and exports in folders.
enum ForgedFolder {
    static func write(_ archive: ForgedArchive, to folder: String) throws {
        let files = archive.members.map { ($0.name, $0.bytes) }
        try write(Dictionary(files) { _, last in last }, to: folder)
    }

    static func write(
        _ files: [String: [UInt8]],
        links: Set<String> = [],
        to folder: String
    ) throws {
        for (name, bytes) in files {
            let url = URL(filePath: "\(folder)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            if links.contains(name) {
                let target = "\(folder).\(links.count)"
                try Data(bytes).write(to: URL(filePath: target))
                try FileManager.default.createSymbolicLink(
                    atPath: url.path(),
                    withDestinationPath: target
                )
            } else {
                try Data(bytes).write(to: url)
            }
        }
    }

    static func files(_ folder: String) throws -> [String: [UInt8]] {
        let names =
            FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return try names.reduce(into: [:]) { files, name in
            let path = "\(folder)/\(name)"
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                !isFolder.boolValue
            else { return }
            files[name] = Array(try Data(contentsOf: URL(filePath: path)))
        }
    }
}
