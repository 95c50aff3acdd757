-- @@made@@
-- gpfdist for Wireshark and tshark, 3.6 to 4.6: packages, requests and answers of Greenplum's file server on any port.
-- Put this file into the folder of personal Lua plugins (Help > About Wireshark > Folders). Licence: GPL-2.0-or-later.

local there, known = pcall(Dissector.get, "gpfdist")
if there and known then return end -- loaded twice: from the folder and with -X lua_script

local gp = Proto("gpfdist", "Greenplum gpfdist")
local inside_tls = Proto("gpfdists", "Greenplum gpfdist inside TLS")
local rest = Proto("gpfdist_rest", "Greenplum gpfdist, segments that TCP holds back")

local byte, sub, find, match, lower, format = string.byte, string.sub, string.find, string.match, string.lower, string.format
local min, max, floor, huge = math.min, math.max, math.floor, math.huge

-- From the grammar ---------------------------------------------------------------------------------------------------

@@constants@@

local HEADERS = { -- lower-case name: exact spelling, field, type
@@headers@@
}

local LETTERS = { -- byte of a message: its letter and what it holds
@@letters@@
}

local CODES = { -- finding: name, expert group, severity
@@codes@@
}

local STATUSES = { -- code, reason with % in the place of what changes, cause, advice
@@statuses@@
}

-- Fields -------------------------------------------------------------------------------------------------------------

local F = {}
@@fields@@

local listed = {}
for _, field in pairs(F) do listed[#listed + 1] = field end
gp.fields = listed

local experts, expert_list = {}, {}
for code, kind in pairs(CODES) do
    experts[code] = ProtoExpert.new("gpfdist." .. lower(code), code .. " " .. kind[1], expert.group[kind[2]], expert.severity[kind[3]])
    expert_list[#expert_list + 1] = experts[code]
end
gp.experts = expert_list

@@part_streams@@

@@part_heads@@

@@part_messages@@

@@part_openings@@

@@part_show@@

@@part_sums@@

@@part_frames@@
