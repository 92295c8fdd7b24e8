import Markup

/// Links to the pages of a list.
struct Pager {
    let page: Int
    let count: Int
    let address: PageAddress

    init(page: Int, of count: Int, _ address: PageAddress) {
        self.page = page
        self.count = count
        self.address = address
    }

    var html: HTML {
        guard count > 1 else { return .nothing }
        func link(_ number: Int, _ words: String) -> HTML {
            guard (1...count).contains(number), number != page else {
                return .tag(
                    "button",
                    ["class": "small", "type": "button", "disabled": ""],
                    text: words
                )
            }
            let target = address.with(["page": number == 1 ? nil : String(number)])
            return .tag("a", ["class": "button small", "href": target.href], text: words)
        }
        return .tag(
            "nav",
            ["class": "filters", "aria-label": "Pages of the list"],
            [
                .tag(
                    "span",
                    ["class": "join"],
                    [
                        link(1, "First"), link(page - 1, "◀ Before"), link(page + 1, "Next ▶"),
                        link(count, "Last"),
                    ]
                ),
                .tag("span", ["class": "right"], text: "Page \(page) of \(count)"),
            ]
        )
    }
}
