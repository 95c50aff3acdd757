-- What a frame shows ------------------------------------------------------------------------------------------------------

local printable, show, show_content

do
local LONGEST_INFO = 3

-- Text of the wire without what a terminal or a file of XML would stumble over; bytes that are no UTF-8 become \xff.
function printable(text)
    if not find(text, "[^\32-\126]") then return text end
    local parts, at = {}, 1
    while at <= #text do
        local first = byte(text, at)
        local more = first >= 0xf0 and first < 0xf5 and 3 or first >= 0xe0 and first < 0xf0 and 2 or first >= 0xc2 and first < 0xe0 and 1 or 0
        local whole = sub(text, at, at + more)
        if first >= 0x20 and first < 0x7f then
            parts[#parts + 1] = whole
        elseif more > 0 and #whole == more + 1 and match(whole, "^.[\128-\191]+$") and not match(whole, "^[\xe0][\x80-\x9f]")
            and not match(whole, "^\xed[\xa0-\xbf]") and not match(whole, "^\xf0[\x80-\x8f]") and not match(whole, "^\xf4[\x90-\xbf]")
            and not match(whole, "^\xc2[\x80-\x9f]") then
            parts[#parts + 1] = whole
        else
            parts[#parts + 1] = format("\\x%02x", first)
            more = 0
        end
        at = at + more + 1
    end
    return table.concat(parts)
end

local function wide(number) return UInt64.new(number % WRAP, floor(number / WRAP)) end

local function wide_text(number)
    if number.high == 0 then return format("%d", number.low) end
    return tostring(UInt64.new(number.low, number.high))
end

local function generated(tree, field, value)
    local item = tree:add(field, value)
    item:set_generated()
    return item
end

-- A range of the bytes at hand; nil where the record stands elsewhere.
local function range_of(source, at, length)
    if not at or not source or length == 0 or at >= source:len() then return nil end
    return source(at, min(length, source:len() - at))
end

local function base_name(name) return match(name, "([^/]*)$") end

local function package_title(package)
    if package.kind == "end" then return "End of data" end
    if package.kind == "error" then return format("Error package #%d, %d B", package.index, package.length) end
    local name = package.name and base_name(package.name)
    return format("Package #%d%s%s %d B", package.index, name and " " .. printable(name) or "",
        package.offset and " @" .. wide_text(package.offset) or "", package.length)
end

local function request_title(exchange, head)
    local parts = {printable(head.method or "?"), printable(head.path or "?")}
    local segment, count = value_of(head, "x-gp-segment-id"), value_of(head, "x-gp-segment-count")
    if segment then parts[#parts + 1] = printable("seg " .. segment .. (count and "/" .. count or "")) end
    local xid, cid, sn = value_of(head, "x-gp-xid"), value_of(head, "x-gp-cid"), value_of(head, "x-gp-sn")
    if xid then parts[#parts + 1] = printable(format("..%s/%s/%s", sub(xid, -4), cid or "?", sn or "?")) end
    local seq = value_of(head, "x-gp-seq")
    if seq then parts[#parts + 1] = "seq " .. printable(seq) end
    if value_of(head, "x-gp-done") then parts[#parts + 1] = "done" end
    if not exchange.whole then parts[#parts + 1] = "(head not whole)" end
    return table.concat(parts, " ")
end

local function answer_title(exchange, head)
    local text = format("%s %s", head.status and format("%d", head.status) or "?", printable(head.reason or ""))
    if head.status == 100 then return text end
    if exchange.response_proto then return text .. format(", protocol %d", exchange.response_proto) .. (exchange.zstd and ", zstd" or "") end
    if head.status == 200 and value_of(head, "content-length") == "0" then return text .. ", late: nothing left to read" end
    return text
end

local SHOW = {}

local function show_headers(tree, source, record)
    local at = record.at and #record.head.text == record.length and record.at
    local offset = #(match(record.head.text, "^[^\n]*\n") or "")
    for _, header in ipairs(record.head.headers) do
        local start = find(record.head.text, header.text, offset + 1, true)
        local range = at and start and range_of(source, at + start - 1, #header.text)
        if start then offset = start + #header.text - 1 end
        local text = printable(header.name .. ": " .. header.value)
        local line = range and tree:add(F.header, range, text) or tree:add(F.header, text)
        line:set_text(text)
        local known_as = HEADERS[lower(header.name)]
        if known_as then
            local field, kind = F[known_as[2]], known_as[3]
            local value = printable(header.value)
            if kind == "decimal" then
                value = decimal(header.value)
                value = value and Int64.new(value)
            elseif kind == "number" then
                value = Int64.new(format("%.0f", proto_number(header.value)))
            end
            if value then
                local item = range and line:add(field, range, value) or line:add(field, value)
                if known_as[1] == "X-GP-CSVOPT" then
                    local m, x, q, rest_of = match(header.value, "^m[ \t]*(%d+)x[ \t]*(%d+)q[ \t]*(%d+)(.*)$")
                    if m then
                        local n, h = match(rest_of, "n[ \t]*(%d+)"), match(rest_of, "h[ \t]*(%d+)")
                        item:append_text(format(" (%s, escape %s, quote %s, row end %s, header row %s)", m == "1" and "CSV" or "text", x, q,
                            NEWLINES[tonumber(n or -1)] or "not said", h == "1" and "dropped" or "none"))
                    end
                end
            end
        else
            line:set_text(text)
        end
    end
end

function SHOW.request(tree, source, record)
    local exchange, head = record.exchange, record.head
    local range = range_of(source, record.at, record.length or 0)
    local title = request_title(exchange, head)
    local item = range and tree:add(F.request, range) or tree:add(F.request)
    item:set_text("Request: " .. title)
    if not exchange.whole then generated(item, F.head_cut, true) end
    if head.method then item:add(F.method, printable(head.method)) end
    if head.path then item:add(F.path, printable(head.path)) end
    if head.version then item:add(F.http_version, printable(head.version)) end
    show_headers(item, source, record)
    if exchange.answer_frame then generated(item, F.answer_in, exchange.answer_frame) end
    return title
end

function SHOW.answer(tree, source, record)
    local exchange, head = record.exchange, record.head
    local range = range_of(source, record.at, record.length or 0)
    local title = answer_title(exchange, head)
    local item = range and tree:add(F.answer, range) or tree:add(F.answer)
    item:set_text("Answer: " .. title)
    if head.version then item:add(F.http_version, printable(head.version)) end
    if head.status then item:add(F.status, head.status) end
    if head.reason then
        item:add(F.reason, printable(head.reason))
        local said = lower(match(head.reason, "^[ ]*(.-)[ .]*$"))
        for _, status in ipairs(STATUSES) do
            if status[1] == head.status and (match(said, status[2]) or match(said .. ".", status[2])) then
                generated(item, F.cause, status[3])
                generated(item, F.advice, status[4])
                break
            end
        end
    end
    show_headers(item, source, record)
    if exchange.request_frame then
        generated(item, F.request_in, exchange.request_frame)
        if exchange.answer_frame then
            local passed = exchange.answer_time - exchange.request_time
            if passed >= 0 then generated(item, F.time, NSTime.new(floor(passed), floor(passed % 1 * 1e9))) end
        end
    end
    return title
end

function SHOW.message(tree, source, record)
    local known = LETTERS[record.letter]
    local range = range_of(source, record.at, record.size or 0)
    local whole = range and record.size and range:len() == record.size
    local title = format("%s %s, %d B", known.letter, known.title, record.length)
    local item = range and tree:add(F.message, range) or tree:add(F.message)
    item:set_text(title)
    if whole and record.size >= 5 then
        item:add(F.message_type, range(0, 1), known.letter)
        item:add(F.message_length, range(1, 4))
    else
        item:add(F.message_type, known.letter)
        item:add(F.message_length, record.length)
    end
    item:add(F.message_position, wide(record.position))
    local content = whole and record.size > 5 and range(5, record.size - 5) or nil
    if record.name then
        local text = printable(record.name)
        if content then item:add(F.message_name, content, text) else item:add(F.message_name, text) end
        item:append_text(": " .. text)
    elseif record.offset or record.line then
        local number = record.offset or record.line
        local field = record.offset and F.message_offset or F.message_line
        if content then item:add(field, content) else item:add(field, UInt64.new(number.low, number.high)) end
        item:append_text(": " .. wide_text(number))
    end
    return nil
end

function SHOW.package(tree, source, record)
    local package = record.package
    local title = package_title(package)
    local first, last = record.children[1], record.children[#record.children]
    local range = first.at and last.at and range_of(source, first.at, last.at + last.size - first.at)
    local item = range and tree:add(F.package, range) or tree:add(F.package)
    item:set_text(title .. (package.assumed and ", assumed: found again after lost framing" or ""))
    generated(item, F.package_index, package.index)
    generated(item, F.package_kind, package.kind)
    generated(item, F.package_position, wide(package.position))
    generated(item, F.package_length, package.length)
    if package.name then generated(item, F.package_file, printable(package.name)) end
    if package.offset then generated(item, F.package_offset, UInt64.new(package.offset.low, package.offset.high)) end
    if package.line then generated(item, F.package_line, UInt64.new(package.line.low, package.line.high)) end
    generated(item, F.package_first, package.frame)
    if package.end_frame then generated(item, F.package_last, package.end_frame) end
    if package.lacks then generated(item, F.package_missing, wide(package.lacks)) end
    if package.assumed then generated(item, F.package_assumed, true) end
    if package.zstd then generated(item, F.package_zstd, true) end
    if package.complete or not record.fresh then generated(item, F.package_complete, package.complete and true or false) end
    record.fresh = nil
    for _, child in ipairs(record.children) do SHOW.message(item, source, child) end
    return title
end

function SHOW.content(tree, source, record)
    local owner = record.owner
    local text
    if owner.kind == "body" then
        text = owner.body == "page" and "Text" or owner.body == "request" and "Rows sent" or "Rows"
        text = format("%s, %d B at %.0f", text, record.length, record.position)
    elseif owner.kind == "error" then
        text = format("Text of error package #%d, %d B", owner.index, record.length)
    else
        text = format("%s of package #%d, %d B at %.0f of %d", owner.zstd and "zstd frame" or "Rows", owner.index, record.length,
            record.position, owner.length)
    end
    local range = range_of(source, not record.text and record.at, record.length)
    if record.text and not range then range = ByteArray.new(record.text, true):tvb("Rows held back")() end
    local item = range and tree:add(F.content, range) or tree:add(F.content)
    item:set_text(text)
    if range and owner.rows then item:add(F.rows, range) end
    generated(item, F.rows_position, wide(record.position))
    generated(item, F.rows_length, record.length)
    if owner.index then generated(item, F.rows_package, owner.index) end
    return nil
end

function SHOW.text(tree, _, record)
    tree:add(F.message_text, printable(record.package.text))
    return "Error: " .. printable(sub(record.package.text, 1, 200))
end

function SHOW.lost(tree, _, record)
    generated(tree, F.lost, wide(record.count))
    return format("[%d bytes lost]", record.count)
end

function SHOW.snapped(tree, _, record)
    generated(tree, F.snapped, wide(record.count))
    return nil
end

function SHOW.complaint(tree, _, record)
    local item = generated(tree, F.code, record.code)
    item:add_proto_expert_info(experts[record.code], record.code .. " " .. CODES[record.code][1] .. ": " .. printable(record.text))
    return nil
end

local function continued(owner)
    if owner.kind == "body" then return owner.body == "page" and "Text" or "Rows" end
    return format("Package #%d, continued", owner.index)
end

local function columns(pinfo, protocol, texts, again)
    pinfo.cols.protocol = protocol
    if #texts == 0 then return end
    local info = table.concat(texts, ", ", 1, min(#texts, LONGEST_INFO))
    if #texts > LONGEST_INFO then info = info .. format(", %d more", #texts - LONGEST_INFO) end
    if again then
        pinfo.cols.info:append(", " .. info)
    else
        pinfo.cols.info:clear_fence() -- who came first may have put one behind its own words
        pinfo.cols.info = info
    end
end

local function root_of(tree, source, conn, exchange)
    local root = source and source:len() > 0 and tree:add(gp, source()) or tree:add(gp)
    generated(root, F.stream, conn.key)
    if exchange then
        generated(root, F.exchange, exchange.number)
        if exchange.session then generated(root, F.session, printable(exchange.session)) end
        if exchange.segment then generated(root, F.gp_segment, Int64.new(format("%d", exchange.segment))) end
    end
    return root
end

-- Records of one piece, as tree and as text for the column.
function show(list, source, pinfo, tree, again)
    local conn = list.conn
    local exchange
    for _, record in ipairs(list) do
        exchange = exchange or record.exchange or record.owner and record.owner.exchange
    end
    exchange = exchange or conn.exchanges[#conn.exchanges]
    local root = root_of(tree, source, conn, exchange)
    local texts, owner = {}, nil
    for _, record in ipairs(list) do
        texts[#texts + 1] = SHOW[record.kind](root, source, record)
        owner = owner or record.owner
    end
    if #texts == 0 and owner then texts[1] = continued(owner) end
    columns(pinfo, conn.protocol, texts, again)
end

-- A frame that holds nothing but content of one package.
function show_content(owner, position, source, pinfo, tree, wants_tree, wants_columns)
    if wants_tree then
        local root = root_of(tree, source, owner.exchange.conn, owner.exchange)
        SHOW.content(root, source, {owner = owner, at = 0, length = source:reported_len(), position = position})
    end
    if wants_columns then
        pinfo.cols.protocol = owner.exchange.conn.protocol
        owner.continued = owner.continued or continued(owner)
        pinfo.cols.info = owner.continued
    end
end

end
