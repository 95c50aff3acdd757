-- Heads of requests and answers ----------------------------------------------------------------------------------------

-- Position behind the empty line (CR LF CR LF, LF LF or LF CR LF), or nil.
local function head_end(text, searched)
    local start = max(1, searched - 1)
    local with_cr = find(text, "\n\r\n", start, true)
    local bare = find(text, "\n\n", start, true)
    if bare and (not with_cr or bare < with_cr) then return bare + 1 end
    return with_cr and with_cr + 2 or nil
end

local function trimmed(text) return match(text, "^[ \t\r]*(.-)[ \t\r]*$") end

-- First line, header lines in order ({name, value, text}), and the last value of each name in lower case.
local function parse_lines(text)
    local lines, first = {}, nil
    local headers, last, order = {}, {}, nil
    for line in text:gmatch("([^\n]*)\n") do
        if sub(line, -1) == "\r" then line = sub(line, 1, -2) end
        if not first then
            first = line
        elseif line == "" then
            break
        elseif match(line, "^[ \t]") then
            if order then order.folds[#order.folds + 1] = trimmed(line) end
        else
            local name, value = match(line, "^([^:]*):(.*)$")
            name = name and trimmed(name)
            if name and name ~= "" then
                order = {name = name, folds = {trimmed(value)}, text = line}
                headers[#headers + 1] = order
                last[lower(name)] = order
            end
        end
    end
    for _, header in ipairs(headers) do
        header.value = #header.folds == 1 and header.folds[1] or trimmed(table.concat(header.folds, " "))
    end
    return first, headers, last
end

-- The digits of a decimal number as C's atol finds them, as text; nil where there are none or too many.
local function decimal(text)
    if not text then return nil end
    local sign, digits = match(text, "^[ \t\n\v\f\r]*([+-]?)(%d+)")
    if not digits then return nil end
    digits = match(digits, "^0*(%d+)$")
    if #digits > 19 or (#digits == 19 and digits > (sign == "-" and "9223372036854775808" or "9223372036854775807")) then return nil end
    return (sign == "-" and "-" or "") .. digits
end

local function decimal_number(text)
    local digits = decimal(text)
    return digits and tonumber(digits)
end

-- X-GP-PROTO as C's strtol reads it with base 0; text without digits is 0.
local function proto_number(text)
    if not text then return nil end
    local sign, rest_of = match(text, "^[ \t\n\v\f\r]*([+-]?)(.*)$")
    local digits, value = match(rest_of, "^0[xX](%x+)"), nil
    if digits then
        value = tonumber(sub(digits, 1, 15), 16)
    elseif sub(rest_of, 1, 1) == "0" then
        digits = match(rest_of, "^0([0-7]*)")
        value = digits == "" and 0 or tonumber(sub(digits, 1, 18), 8)
    else
        value = tonumber(sub(match(rest_of, "^%d*"), 1, 15)) or 0
    end
    return sign == "-" and -value or value
end

local function value_of(head, name)
    local found = head.last[name]
    return found and found.value
end

local function spellings(side, head, request)
    local told = {}
    for _, header in ipairs(head.headers) do
        local known_as = HEADERS[lower(header.name)]
        local compared = known_as and (sub(known_as[1], 1, 4) == "X-GP" or (request and REQUEST_EXACT[known_as[1]]))
        if compared and header.name ~= known_as[1] and not told[header.name] then
            told[header.name] = true
            local code = not request and lower(header.name) == "x-gp-proto" and "GPI114" or "GPI111"
            complain(side, code, code == "GPI111" and format("not spelled the way every release expects: %s", header.name)
                or "the body holds protocol 1 messages, but the answer does not say X-GP-PROTO: 1")
        end
    end
end

local function parse_request(text)
    local head = {text = text}
    head.line, head.headers, head.last = parse_lines(text)
    local line = head.line
    if not line then return head end
    local method, target, version = match(line, "^([^ ]+) ([^ ]+) ([^ ]+)$")
    if not method then
        local all = match(line, "^[ \t]*(.-)[ \t]*$"):gsub("\t", " ")
        local tail
        method, tail = match(all, "^([^ ]*) ?(.*)$")
        tail = match(tail, "^ *(.-) *$")
        local before, word = match(tail, "^(.*) ([^ ]*)$")
        if before and sub(word, 1, 5) == "HTTP/" then
            target, version = match(before, "^(.-) *$"), word
        elseif sub(tail, 1, 5) == "HTTP/" then
            version = tail
        else
            target = tail
        end
        if method == "" then method = nil end
        if target == "" then target = nil end
    end
    head.method, head.path, head.version = method, target, version
    return head
end

local function parse_answer(text)
    local head = {text = text}
    head.line, head.headers, head.last = parse_lines(text)
    local line = head.line
    if line and sub(line, 1, 5) == "HTTP/" then
        local version, tail = match(line, "^([^ ]*) ?(.*)$")
        local code, reason = match(tail, "^(%d%d%d) (.*)$")
        if not code then code = match(tail, "^(%d%d%d)$") end
        head.version, head.status = version, code and tonumber(code)
        head.reason = code and (reason or "") or tail
    end
    return head
end

-- Exchanges ------------------------------------------------------------------------------------------------------------

local exchanges = {}
local servers = {} -- addresses that have shown that gpfdist answers there

local function prove(conn)
    if conn.proven then return end
    conn.proven = true
    if conn.server_name then servers[conn.server_name] = true end
end

local function new_exchange(side)
    local conn = side.conn
    local exchange = {
        conn = conn, number = #conn.exchanges + 1, counts = {F = 0, O = 0, L = 0, D = 0, E = 0}, packages = 0, bytes = 0,
        framing = true, first_frame = side.frame, first_time = side.time,
    }
    conn.exchanges[exchange.number] = exchange
    exchanges[#exchanges + 1] = exchange
    return exchange
end

local function exchange_for_request(side)
    local last = side.conn.exchanges[#side.conn.exchanges]
    if last and not last.asked and not last.finished then return last end
    return new_exchange(side)
end

local function exchange_for_answer(side)
    local last = side.conn.exchanges[#side.conn.exchanges]
    if last and not last.answered then return last end
    return new_exchange(side)
end

local function session_of(exchange)
    local request = exchange.request
    if not request then return nil end
    local xid, cid, sn = value_of(request, "x-gp-xid"), value_of(request, "x-gp-cid"), value_of(request, "x-gp-sn")
    if not (xid and cid and sn and request.path) or xid == "" or cid == "" or sn == "" then return nil end
    local proto = proto_number(value_of(request, "x-gp-proto")) or 0
    return format("%s.%s.%s.%d:%s", xid, cid, sn, proto, request.path)
end

local NUMBERS = {"X-GP-SEGMENT-ID", "X-GP-SEGMENT-COUNT", "X-GP-SEQ", "Content-Length"}

local function take_request(side, exchange, text, whole)
    local head = parse_request(text)
    exchange.request, exchange.asked, exchange.whole = head, true, whole
    exchange.segment = decimal_number(value_of(head, "x-gp-segment-id"))
    exchange.session = session_of(exchange)
    exchange.status_page = head.path == STATUS_PAGE
    exchange.asked_zstd = (value_of(head, "x-gp-zstd") or "") ~= ""
    exchange.request_frame, exchange.request_time = side.frame, side.time
    for _, header in ipairs(head.headers) do
        if sub(lower(header.name), 1, 4) == "x-gp" then prove(side.conn) end
    end
    if exchange.status_page or servers[side.conn.server_name or ""] then prove(side.conn) end
    emit({kind = "request", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
    if whole and #text > HEAD_LIMIT then complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #text, HEAD_LIMIT)) end
    spellings(side, head, true)
    for _, name in ipairs(NUMBERS) do
        local value = value_of(head, lower(name))
        if value and not decimal(value) then
            complain(side, "GPI113", format("header %s has the odd value '%s'", name, sub(value, 1, 300)))
        end
    end
end

local RequestReader, AnswerReader = {}, {}

local function resolve_request(side)
    local exchange = side and side.exchange
    if exchange and not exchange.asked and side.head ~= "" then
        side.head_at, side.head_length = nil, nil
        take_request(side, exchange, side.head, false)
    end
end

-- What of a head stands in the piece that is being read, for marking it.
local function mark(side, source, from, to)
    if type(source) == "string" then
        side.head_at, side.head_length = nil, nil
    else
        side.head_at, side.head_length = from, to - from
    end
end

function RequestReader.feed(side, source, from, to)
    local exchange = side.exchange
    if exchange and exchange.asked then
        if not exchange.finished then
            pass_over(side, huge)
            return from
        end
        exchange = nil
    end
    if not exchange then
        exchange = exchange_for_request(side)
        side.exchange, side.head, side.searched = exchange, "", 0
    end
    local had = #side.head
    side.head = side.head .. cut(source, from, to)
    local reached = head_end(side.head, side.searched)
    if not reached then
        side.searched = #side.head
        if #side.head > LARGEST_HEAD then
            complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #side.head, HEAD_LIMIT))
            resolve_request(side)
            pass_over(side, huge)
            return from
        end
        return to
    end
    local text = sub(side.head, 1, reached)
    local stop = from + reached - had
    mark(side, source, from, stop)
    take_request(side, exchange, text, true)
    side.head = ""
    local length = decimal_number(value_of(exchange.request, "content-length")) or 0
    if exchange.request.method == "POST" and length > 0 then
        side.position = side.position + stop - from
        pass_over(side, length, {
            exchange = exchange, kind = "body", length = length, came = 0, rows = true, frame = side.frame, body = "request",
        })
        side.position = side.position - (stop - from)
    end
    return stop
end

RequestReader.content_end = function(side)
    side.owner.complete = not side.owner.lacks
    side.owner.end_frame = side.frame
end
RequestReader.cut_short = nothing
RequestReader.close = nothing

function RequestReader.lost(side)
    resolve_request(side)
    if side.exchange then pass_over(side, huge) end
end

local Messages, start_messages, send_end_before_head, recognised -- in "messages" and "openings"

local function take_answer(side, exchange, head)
    exchange.answered, exchange.answer = true, head
    exchange.answer_frame, exchange.answer_time = side.frame, side.time
    exchange.status = head.status
    exchange.response_proto = decimal_number(value_of(head, "x-gp-proto"))
    exchange.version = value_of(head, "x-gpfdist-version")
    exchange.foreign = not exchange.version and not value_of(head, "x-gp-proto")
    local zstd = decimal_number(value_of(head, "x-gp-zstd"))
    exchange.zstd = zstd ~= nil and zstd ~= 0
    if not exchange.foreign then prove(side.conn) end
    emit({kind = "answer", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
    spellings(side, head, false)
    if (head.status or 0) >= 400 and not exchange.foreign then
        complain(side, "GPI203", format("gpfdist refused the request: %d %s", head.status, head.reason or ""))
    end
end

local function finished(side, exchange)
    exchange.finished = side.keeps_open
end

local StrayReader = {content_end = nothing, cut_short = nothing, lost = nothing, close = nothing}

function StrayReader.feed(side, source, from, to)
    local letter = LETTERS[byte(cut(source, from, from + 1))]
    if not letter then
        complain(side, "GPI109", format("%d bytes follow the end of data", to - from))
        pass_over(side, huge)
        return from
    end
    start_messages(side, side.exchange, true, false)
    return side.reader.feed(side, source, from, to)
end

-- Rows of protocol 0; without X-GP-PROTO the first bytes may be messages all the same.
local function look_at_raw(side, owner, source, from, to)
    owner.first = (owner.first or "") .. cut(source, from, min(to, from + 3 - #(owner.first or "")))
    if #owner.first >= 3 then
        owner.wants = nil
        local letter, zero, high = byte(owner.first, 1, 3)
        if (letter == 0x46 or letter == 0x44) and zero == 0 and high < 0x10 and not owner.exchange.response_proto then
            complain(side, "GPI114", "the body holds protocol 1 messages, but the answer does not say X-GP-PROTO: 1")
        end
    end
end

local function body(side, exchange, head)
    local length = decimal_number(value_of(head, "content-length"))
    local coding = lower(trimmed(value_of(head, "transfer-encoding") or ""))
    local connection = lower(trimmed(value_of(head, "connection") or ""))
    side.keeps_open = connection == "keep-alive" or (head.version == "HTTP/1.1" and connection ~= "close")
    if side.keeps_open and not exchange.foreign then
        complain(side, "GPI115", "framing that gpfdist does not have: a connection that is kept open for more requests")
    end
    local method = exchange.request and exchange.request.method
    if coding ~= "" and coding ~= "identity" then
        if exchange.response_proto == 1 or (method ~= "POST" and exchange.status == 200) then
            complain(side, "GPI115", "framing that gpfdist does not have: Transfer-Encoding: " .. coding)
        end
        pass_over(side, huge)
    elseif exchange.response_proto == 1 then
        start_messages(side, exchange, true, exchange.zstd)
        side.messages.announced = length
    elseif exchange.response_proto == nil and length == 0 then
        if side.keeps_open and exchange.foreign then finished(side, exchange) else side.reader = StrayReader end
    elseif method == "POST" or exchange.status ~= 200 or (exchange.status_page and exchange.response_proto == nil) then
        if not length then
            if method == "POST" then side.reader = StrayReader else
                pass_over(side, huge, {exchange = exchange, kind = "body", came = 0, body = "page", frame = side.frame})
            end
        elseif length > 0 then
            pass_over(side, length, {exchange = exchange, kind = "body", came = 0, length = length, body = "page", frame = side.frame})
        else
            finished(side, exchange)
        end
    else
        exchange.raw = true
        if length == 0 and not exchange.zstd then return finished(side, exchange) end
        pass_over(side, not exchange.zstd and length or huge, {
            exchange = exchange, kind = "body", came = 0, rows = true, length = length, wants = look_at_raw, body = "answer",
            frame = side.frame,
        })
    end
end

function AnswerReader.feed(side, source, from, to)
    local had = #side.head
    if had == 0 then
        side.exchange = exchange_for_answer(side)
        side.searched = 0
    end
    side.head = side.head .. cut(source, from, to)
    if sub(side.head, 1, 5) == END_PACKAGE then
        side.head = ""
        send_end_before_head(side, side.exchange, source, from, from + 5 - had)
        return from + 5 - had
    end
    local reached = head_end(side.head, side.searched)
    if not reached then
        side.searched = #side.head
        if #side.head > LARGEST_HEAD then
            complain(side, "GPI110", format("a head of %d bytes; gpfdist takes %d", #side.head, HEAD_LIMIT))
            side.head = ""
            pass_over(side, huge)
            return from
        end
        return to
    end
    local head = parse_answer(sub(side.head, 1, reached))
    local stop = from + reached - had
    mark(side, source, from, stop)
    side.head = ""
    resolve_request(side.conn.asking)
    local exchange = side.exchange
    if head.status == 100 then
        emit({kind = "answer", exchange = exchange, head = head, at = side.head_at, length = side.head_length})
        return stop
    end
    take_answer(side, exchange, head)
    exchange.head_whole = true
    side.position = side.position + stop - from
    exchange.body_start = side.position
    body(side, exchange, head)
    side.position = side.position - (stop - from)
    return stop
end

function AnswerReader.content_end(side)
    if side.owner then
        side.owner.complete = not side.owner.lacks
        side.owner.end_frame = side.frame
    end
    finished(side, side.exchange)
end

local function what_came(side, exchange)
    if side.head ~= "" and not exchange.answered then
        local head = parse_answer(side.head)
        if head.status and head.status ~= 100 then
            side.head_at, side.head_length = nil, nil
            take_answer(side, exchange, head)
            if exchange.foreign and head.version == "HTTP/1.0" and head.status == 200 and head.reason == "ok" then
                exchange.foreign = false
                prove(side.conn)
            end
        end
    end
end

AnswerReader.cut_short = nothing

function AnswerReader.lost(side)
    side.exchange = side.exchange or exchange_for_answer(side)
    local exchange = side.exchange
    resolve_request(side.conn.asking)
    what_came(side, exchange)
    side.head = ""
    exchange.body_start = nil
    start_messages(side, exchange, false, false)
end

function AnswerReader.close(side)
    if side.exchange and not side.exchange.raw then what_came(side, side.exchange) end
end
