-- What reads the tables above: RPC calls out of the DCE/RPC that Wireshark found, packets out of the calls.
--
-- Wireshark's own dissector of these interfaces knows the names of the methods only, and Lua cannot register for an
-- interface of a version. So this is a post-dissector: it takes the PDUs that DCE/RPC dissected (also those in named
-- pipes, and sealed ones that Wireshark could decrypt), follows the binds, and reads what belongs to MS-TRP.

local ABSENT = 0xFFFFFFFF
local FIXED = 60
local EVENT = 40
local NULL_CONTEXT = string.rep("00", 20)

local mstrp = Proto("mstrp", "Telephony Remote Protocol (MS-TRP)")

-- Fields ---------------------------------------------------------------------------------------------------------

local F = {}
local registered = {}

local function register(name, field)
  F[name] = field
  registered[#registered + 1] = field
end

for _, name in ipairs(WORDS) do
  register(name, ProtoField.uint32("mstrp." .. name, name:match("[^.]+$"), base.HEX_DEC))
end
for name, kind in pairs(VALUES) do
  local abbreviation, label = "mstrp." .. name, kind == "string" and "Text" or "Data"
  if kind == "string" then
    register(name, ProtoField.string(abbreviation, label))
  elseif kind == "number" then
    register(name, ProtoField.uint32(abbreviation, "Number", base.HEX_DEC))
  else
    register(name, ProtoField.bytes(abbreviation, label))
  end
end
register("method", ProtoField.string("mstrp.method", "Method"))
register("phase", ProtoField.string("mstrp.phase", "Phase"))
register("packet", ProtoField.string("mstrp.packet", "Packet"))
register("section", ProtoField.string("mstrp.section", "Section of MS-TRP"))
register("completes", ProtoField.string("mstrp.completes", "Completes"))
register("Req_Func", ProtoField.uint32("mstrp.Req_Func", "Req_Func", base.DEC, REQUEST_NAMES))
register("Ack_ReturnValue", ProtoField.uint32("mstrp.Ack_ReturnValue", "Ack_ReturnValue", base.HEX_DEC))
register("structure", ProtoField.string("mstrp.structure", "Structure"))
register("entry", ProtoField.string("mstrp.entry", "Entry"))
register("constant", ProtoField.string("mstrp.constant", "Constant"))
register("flag", ProtoField.string("mstrp.flag", "Flag"))
register("raw", ProtoField.bytes("mstrp.raw", "Bytes that no packet explains"))
register("rule", ProtoField.string("mstrp.rule", "Rule"))
register("problem", ProtoField.string("mstrp.problem", "Problem"))
register("note", ProtoField.string("mstrp.note", "Note"))
register("lProcessID", ProtoField.uint32("mstrp.lProcessID", "lProcessID", base.HEX_DEC))
register("pszDomainUser", ProtoField.string("mstrp.pszDomainUser", "pszDomainUser"))
register("pszMachine", ProtoField.string("mstrp.pszMachine", "pszMachine"))
register("pphContext", ProtoField.bytes("mstrp.pphContext", "pphContext"))
register("phContext", ProtoField.bytes("mstrp.phContext", "phContext"))
register("phAsyncEventsEvent", ProtoField.uint32("mstrp.phAsyncEventsEvent", "phAsyncEventsEvent", base.HEX_DEC))
register("return", ProtoField.uint32("mstrp.return", "return", base.HEX_DEC))
register("status", ProtoField.uint32("mstrp.status", "Status of the fault", base.HEX))
mstrp.fields = registered

local broken_rule = ProtoExpert.new("mstrp.expert.rule", "A rule of MS-TRP is broken", expert.group.PROTOCOL,
  expert.severity.ERROR)
local damaged = ProtoExpert.new("mstrp.expert.damaged", "The bytes contradict themselves", expert.group.MALFORMED,
  expert.severity.WARN)
local faulted = ProtoExpert.new("mstrp.expert.fault", "RPC fault", expert.group.RESPONSE_CODE, expert.severity.NOTE)
mstrp.experts = { broken_rule, damaged, faulted }

-- Numbers --------------------------------------------------------------------------------------------------------

local function has(number, bit)
  return bit > 0 and math.floor(number / bit) % 2 == 1
end

-- The bits that two numbers share.
local function both(one, other)
  local found, bit = 0, 1
  while one >= 1 and other >= 1 do
    if one % 2 >= 1 and other % 2 >= 1 then
      found = found + bit
    end
    one, other, bit = math.floor(one / 2), math.floor(other / 2), bit * 2
  end
  return found
end

local function single(number)
  while number > 1 and number % 2 == 0 do
    number = math.floor(number / 2)
  end
  return number <= 1
end

local function align(position, size)
  return position + (-position) % size
end

-- The word of a tvb at a byte, little-endian, filled up with zeros behind its end.
local function long(tvb, at)
  local rest = tvb:len() - at
  if rest >= 4 then
    return tvb(at, 4):le_uint()
  end
  return rest > 0 and tvb(at, rest):le_uint() or 0
end

-- Where the UTF-16 NUL of a string stands, or nil.
local function terminator(tvb, start, stop)
  for at = start, stop - 2, 2 do
    if tvb(at, 2):le_uint() == 0 then
      return at
    end
  end
  return nil
end

-- Names of constants ---------------------------------------------------------------------------------------------

-- The names of a number in a table: a list for flags, one name or nil for others.
local function meaning(table, number)
  if not table.flags then
    return table.names[number]
  end
  local names, rest = {}, number
  for _, member in ipairs(table.members) do
    local bit = member[1]
    if single(bit) and (has(rest, bit) or (number == 0 and bit == 0)) then
      names[#names + 1] = member[2]
      rest = rest - (bit > 0 and bit or 0)
    end
  end
  if rest > 0 then
    names[#names + 1] = string.format("0x%08X", rest)
  end
  return names
end

local function spelled(tables, number)
  if #tables == 1 then
    return meaning(TABLES[tables[1]], number)
  end
  local names, rest = {}, number
  for _, index in ipairs(tables) do
    local table = TABLES[index]
    for _, member in ipairs(table.members or {}) do
      local bit = member[1]
      if single(bit) and has(rest, bit) then
        names[#names + 1] = member[2]
        rest = rest - bit
      end
    end
  end
  if rest > 0 then
    names[#names + 1] = string.format("0x%08X", rest)
  end
  return names
end

local function show_names(item, names)
  if type(names) == "string" then
    item:add(F.constant, names):set_generated()
    item:append_text(" " .. names)
  elseif names and #names > 0 then
    for _, name in ipairs(names) do
      item:add(F.flag, name):set_generated()
    end
    item:append_text(" " .. table.concat(names, " | "))
  end
end

-- Records --------------------------------------------------------------------------------------------------------

-- A record is a view: its layout, the tvb, where its words start and how many there are, where its variable data
-- starts (origin) and ends (limit), and which directions of data it carries (nil: all).

local function word(record, index)
  return long(record.tvb, record.start + 4 * index)
end

local function present(record, field)
  if field.i >= record.count or (record.carries and not record.carries[field.d]) then
    return nil
  end
  local offset = word(record, field.i)
  if offset == ABSENT and (field.optional or field.d == "out") then
    return nil
  end
  if field.only and both(word(record, field.only[1]), field.only[2]) == 0 then
    return nil
  end
  if not field.s then
    return offset, nil
  end
  local length = word(record, field.s)
  if length == 0 then
    return nil
  end
  return offset, length
end

-- Start and end of the data of an offset field, when it lies inside the record.
local function extent(record, field)
  local offset, length = present(record, field)
  if offset == nil then
    return nil
  end
  local start = record.origin + offset
  local stop = length and start + length or record.limit
  if start < record.limit and start <= stop and stop <= record.limit then
    return start, stop
  end
  return nil
end

local function pair_extent(record, field)
  if field.i + 1 >= record.count then
    return nil
  end
  local length = word(record, field.i)
  if length == 0 then
    return nil
  end
  local start = record.origin + word(record, field.i + 1)
  local stop = start + length
  if stop <= record.limit then
    return start, stop
  end
  return nil
end

local function pair_offsets(record, count)
  local found = {}
  for _, field in ipairs(record.layout.fields) do
    if field.k == "p" and field.i + 1 < count and word(record, field.i) ~= 0 then
      found[#found + 1] = word(record, field.i + 1)
    end
  end
  return found
end

local function least(numbers, default)
  local found = default
  for place, number in ipairs(numbers) do
    if place == 1 or number < found then
      found = number
    end
  end
  return found
end

-- The structure between two positions; origin and limit where it counts from its parent.
local function structure_at(layout, tvb, start, stop, origin, limit)
  local available = math.max(0, stop - start)
  if not limit then
    limit = stop
    if layout.sized and available >= 12 then
      local total, used = long(tvb, start), long(tvb, start + 8)
      local claimed = (layout.used and used > 0 and used <= total) and used or total
      if claimed > 0 then
        limit = math.min(stop, start + claimed)
      end
    end
  end
  local last = origin and stop or math.min(stop, limit)
  local count = math.max(0, math.floor(math.min(last - start, 4 * layout.words) / 4))
  local record = { layout = layout, tvb = tvb, start = start, origin = origin or start, limit = limit, count = count }
  if #layout.lengths > 1 and not origin then
    local best, shortest
    for place = #layout.lengths, 1, -1 do
      local length = layout.lengths[place]
      if length <= count then
        shortest = length
        if not best and least(pair_offsets(record, length), 4 * length) >= 4 * length then
          best = length
        end
      end
    end
    record.count = best or shortest or count
  end
  return record
end

local function rest_extent(record, field)
  if record.count < field.i then
    return nil
  end
  local start = record.origin + 4 * field.i
  local stop = record.limit
  if field.length and field.length < record.count then
    stop = start + field.unit * word(record, field.length)
  end
  if start < stop and stop <= record.limit then
    return start, stop
  end
  return nil
end

local function following_step(record, field)
  local lengths = STRUCTURES[field.entry].lengths
  local start = record.origin + 4 * field.i
  local shortest = 4 * lengths[1]
  if #lengths == 1 or start + shortest > record.limit then
    return shortest
  end
  local first = structure_at(STRUCTURES[field.entry], record.tvb, start, start + shortest, record.origin, record.limit)
  local bound = least(pair_offsets(first, first.count), record.limit - record.origin)
  local found = shortest
  for _, length in ipairs(lengths) do
    if 4 * field.i + word(record, field.counted) * 4 * length <= bound and 4 * length > found then
      found = 4 * length
    end
  end
  return found
end

local function union_body(record, field)
  if record.count < field.i then
    return nil
  end
  local body = field.bodies[word(record, field.by)]
  local start, stop = record.origin + 4 * field.i, record.limit
  for _, offset in ipairs(pair_offsets(record, record.count)) do
    if record.origin + offset >= start then
      stop = math.min(stop, record.origin + offset)
    end
  end
  if not body or start >= stop then
    return nil
  end
  return structure_at(STRUCTURES[body], record.tvb, start, stop)
end

-- Checks: what is wrong with a record ----------------------------------------------------------------------------

local problems_of

local function problem(found, field, detail, section, rules)
  for _, rule in ipairs(rules and #rules > 0 and rules or { "" }) do
    found[#found + 1] = { field = field, detail = detail, section = section, rule = rule }
  end
end

local function prefixed(found, prefix, inner)
  for _, each in ipairs(inner) do
    each.field = prefix .. "." .. each.field
    found[#found + 1] = each
  end
end

local function inner_of(record, field)
  local start, stop = extent(record, field)
  if start and start % 4 == 0 then
    return structure_at(STRUCTURES[field.type], record.tvb, start, stop)
  end
  return nil
end

-- One function for each check that declarations name: what is wrong, or nil.
local WRONG = {}

function WRONG.start(record, field)
  local offset = present(record, field)
  if offset == nil then
    return nil
  end
  local room = record.limit - record.origin
  if offset % 4 ~= 0 then
    return string.format("offset %d is not a multiple of %d", offset, 4)
  end
  return offset >= room and string.format("offset %d lies outside the %d bytes of VarData", offset, room) or nil
end

WRONG["end"] = function(record, field)
  local offset, length = present(record, field)
  local room = record.limit - record.origin
  if offset and length and length > 0 and offset + length > room then
    return string.format("offset %d + %s %d runs past the %d bytes of VarData", offset, field.size, length, room)
  end
  return nil
end

function WRONG.aligned(record, field)
  local offset = present(record, field)
  return offset and offset % 2 ~= 0 and string.format("offset %d is odd", offset) or nil
end

function WRONG.inside(record, field)
  local offset = present(record, field)
  local room = record.limit - record.origin
  if offset and offset >= room and offset % 2 == 0 then
    return string.format("offset %d lies outside the %d bytes of VarData", offset, room)
  end
  return nil
end

function WRONG.terminated(record, field)
  local offset = present(record, field)
  if offset == nil or offset % 2 ~= 0 then
    return nil
  end
  local start, room = record.origin + offset, record.limit - record.origin
  if start < record.limit and not terminator(record.tvb, start, record.limit) then
    return string.format("the string at offset %d does not end inside the %d bytes of VarData", offset, room)
  end
  return nil
end

-- Checks of a number that goes to the server.
local NUMBERS = {}

function NUMBERS.legal(number, record, field, check)
  local fault
  if check.choices then
    fault = not check.choices[number] and both(number, check.bits) == 0
      and string.format("0x%x is not a defined value", number)
  elseif number == 0 then
    fault = not check.zero and "0 is not a defined value"
  else
    local strange = number - both(number, check.bits)
    if strange ~= 0 then
      fault = string.format("bits 0x%x are not defined", strange)
    elseif not single(number) and check.one then
      fault = string.format("0x%x has more than one bit", number)
    elseif not single(number) and check.unknown and both(number, 2) == 0 then
      fault = string.format("0x%x has several bits without UNKNOWN", number)
    end
  end
  return fault and string.format("0x%x: %s", number, fault) or nil
end

function NUMBERS.nonzero(number)
  return number == 0 and "it is 0" or nil
end
NUMBERS.wanted = NUMBERS.nonzero

function NUMBERS.minimum(number, record, field, check)
  return number < check.least and string.format("%d is less than the %d bytes of its fixed part", number, check.least)
    or nil
end

function NUMBERS.maximum(number, record, field, check)
  return number > 0x40000 and string.format("0x%x is more than 0x%x", number, 0x40000) or nil
end

function NUMBERS.fits(number, record)
  local room = record.capacity - FIXED
  return number > room and string.format("%d is more than the %d bytes of VarData", number, room) or nil
end

function NUMBERS.room(number, record, field, check)
  if check.sent and present(record, field) == nil then
    return nil
  end
  local room = record.capacity - FIXED
  return room < check.least
    and string.format("VarData of %d bytes cannot hold the %d bytes of %s", room, check.least, check.type) or nil
end

function NUMBERS.listed(number, record, field, check)
  for _, known in ipairs(check.known) do
    if known == number then
      return nil
    end
  end
  return string.format("0x%08x is not a known TAPI version", number)
end

function NUMBERS.ordered(number, record, field, check)
  local highest = word(record, check.highest)
  return number > highest and string.format("0x%08x is above dwVersionCurrent 0x%08x", number, highest) or nil
end

function NUMBERS.overlap(number, record, field, check)
  local highest = word(record, check.highest)
  if number > highest then
    return nil
  end
  for _, known in ipairs(check.known) do
    if number <= known and known <= highest then
      return nil
    end
  end
  return string.format("no known TAPI version is in 0x%08x..0x%08x", number, highest)
end

for name, wrong in pairs(NUMBERS) do
  WRONG[name] = function(record, field, check)
    if (record.carries and not record.carries["in"]) or field.i >= record.count then
      return nil
    end
    return wrong(word(record, field.i), record, field, check)
  end
end

function WRONG.valid(record, field)
  local inner = inner_of(record, field)
  for _, each in ipairs(inner and problems_of(inner) or {}) do
    if each.rule and each.rule ~= "" then
      return string.format("%s: %s", each.field, each.detail)
    end
  end
  return nil
end

function WRONG.whole(record, field, check)
  local number = record.count > 0 and word(record, field.i) or 0
  return number < check.least and string.format("%d is less than the fixed part of %d", number, check.least) or nil
end

WRONG["pair start"] = function(record, field)
  if field.i + 1 >= record.count or word(record, field.i) == 0 then
    return nil
  end
  local offset, room = word(record, field.i + 1), record.tvb:len() - record.origin
  if offset % 4 ~= 0 then
    return string.format("%sOffset %d is not a multiple of 4", field.n, offset)
  end
  return offset >= room and string.format("%sOffset %d lies outside VarData", field.n, offset) or nil
end

WRONG["pair end"] = function(record, field)
  if field.i + 1 >= record.count or word(record, field.i) == 0 then
    return nil
  end
  local size, offset = word(record, field.i), word(record, field.i + 1)
  return offset + size > record.tvb:len() - record.origin
    and string.format("%sOffset %d + %sSize %d runs past VarData", field.n, offset, field.n, size) or nil
end

-- Checks that look at several fields.
local ACROSS = {}

ACROSS["not-both-zero"] = function(record, check)
  for _, index in ipairs(check.at) do
    if word(record, index) ~= 0 then
      return nil
    end
  end
  return table.concat(check.specs, " and ") .. " are 0"
end

function ACROSS.differ(record, check)
  local one, other = word(record, check.at[1]), word(record, check.at[2])
  return one ~= 0 and one == other and string.format("%s has the same value 0x%x", check.specs[2], one) or nil
end

function ACROSS.times(record, check)
  local size, count = word(record, check.at[1]), word(record, check.at[2])
  return size ~= 0 and size ~= check.each * count and string.format("%d is not %d * %d", size, check.each, count) or nil
end

ACROSS["room-for-all"] = function(record, check)
  local wanted, room = 0, record.capacity - FIXED
  for _, index in ipairs(check.at) do
    wanted = wanted + word(record, index)
  end
  return wanted > room and string.format("VarData of %d bytes cannot hold %.0f", room, wanted) or nil
end

function ACROSS.excludes(record, check)
  local number = word(record, check.at[1])
  local alone, others = both(number, check.alone), both(number, check.others)
  if alone == 0 and others == 0 then
    return string.format("0x%x has none of the bits 0x%x", number, check.either)
  end
  return alone ~= 0 and others ~= 0 and string.format("0x%x combines 0x%x with 0x%x", number, check.alone, others) or nil
end

function ACROSS.covers(record, check)
  local wanted, room = check.each * word(record, check.at[1]), record.tvb:len() - FIXED
  return wanted > room and string.format("VarData of %d bytes cannot hold %.0f", room, wanted) or nil
end

function ACROSS.member(record, check)
  for _, field in ipairs(record.layout.fields) do
    if field.i == check.at[1] then
      local inner = inner_of(record, field)
      if inner and inner.count > check.member and word(inner, check.member) ~= check.number then
        return string.format("its %s is 0x%x", check.name_of, word(inner, check.member))
      end
    end
  end
  return nil
end

local function across(record, found)
  for _, check in ipairs(record.layout.across or {}) do
    local applies = record.carries["in"]
    if applies and check.when then
      applies = both(word(record, check.at[2]), check.when) ~= 0
    end
    local detail = applies and ACROSS[check.c](record, check) or nil
    if detail then
      problem(found, check.specs[1], detail, record.layout.section, check.rules)
    end
  end
end

-- What follows from the kind of a field, beside the checks that its declaration names.
local CHECKS = {}

function CHECKS.s(record, field, found)
  local inner = inner_of(record, field)
  if inner then
    prefixed(found, field.n, problems_of(inner))
  end
end
CHECKS.b = CHECKS.s

function CHECKS.p(record, field, found)
  if field.i + 1 >= record.count then
    return
  end
  local length, offset = word(record, field.i), word(record, field.i + 1)
  if length == 0 then
    return
  end
  local section = record.layout.section
  if record.origin + offset + length > record.limit then
    problem(found, field.n, string.format("%sOffset %d + %sSize %d runs past the %d bytes of %s", field.n, offset,
      field.n, length, record.limit - record.origin, record.layout.name), section)
  elseif field.counted and field.c == "array" then
    local step = field.entry and 4 * STRUCTURES[field.entry].words or 4
    local count = word(record, field.counted)
    if count * step > length then
      problem(found, field.n, string.format("%s %d entries of %d bytes do not fit into %d bytes", field.count, count,
        step, length), section)
    end
  end
end

function CHECKS.F(record, field, found)
  if record.count < field.i then
    return
  end
  local step, count = following_step(record, field), word(record, field.counted)
  if field.deep then
    local start = record.origin + 4 * field.i
    for place = 0, math.min(count, math.floor(math.max(0, record.limit - start) / step)) - 1 do
      local at = start + place * step
      prefixed(found, field.n, problems_of(structure_at(STRUCTURES[field.entry], record.tvb, at, at + step,
        record.origin, record.limit)))
    end
  end
  if 4 * field.i + count * step > record.limit - record.origin then
    problem(found, field.n, string.format("%d entries of %d bytes do not fit into %d bytes", count, step,
      record.limit - record.origin), record.layout.section)
  end
end

function CHECKS.R(record, field, found)
  if record.count < field.i then
    return
  end
  local room = math.max(0, record.limit - record.origin - 4 * field.i)
  if field.length and field.length < record.count then
    local claimed = field.unit * word(record, field.length)
    if claimed > room then
      problem(found, field.n, string.format("%s is %d bytes, but %d follow the fixed part", field.size, claimed,
        room), record.layout.section)
    end
  end
  local start, stop = rest_extent(record, field)
  if start and field.entry then
    prefixed(found, field.n, problems_of(structure_at(STRUCTURES[field.entry], record.tvb, start, stop)))
  end
end

function CHECKS.U(record, field, found)
  if record.count < field.i then
    return
  end
  local selector = word(record, field.by)
  if not field.bodies[selector] then
    problem(found, field.n, string.format("%s %d selects no body", field.selector, selector), record.layout.section)
    return
  end
  local body = union_body(record, field)
  if body then
    for _, each in ipairs(problems_of(body)) do
      found[#found + 1] = each
    end
  end
end

local function field_problems(record, found)
  for _, field in ipairs(record.layout.fields) do
    local check = CHECKS[field.k]
    if check then
      check(record, field, found)
    end
    local applies = not field.only or both(word(record, field.only[1]), field.only[2]) ~= 0
    for _, each in ipairs(applies and field.checks or {}) do
      local detail = WRONG[each.c](record, field, each)
      if detail then
        problem(found, field.n, detail, record.layout.section, each.rules)
      end
    end
  end
  return found
end

-- Everything that is wrong with a structure.
problems_of = function(record)
  local found, layout = {}, record.layout
  local shortest = layout.lengths[1]
  if record.count < shortest then
    problem(found, layout.name, string.format("%d bytes are less than the fixed part of %d", 4 * record.count,
      4 * shortest), layout.section)
  end
  if layout.sized and record.count > 0 then
    local total, room = word(record, 0), record.limit - record.start
    local used = layout.used and record.count > 2 and word(record, 2) or 0
    if total > room and not (used > 0 and used <= room) then
      problem(found, "dwTotalSize", string.format("dwTotalSize %d runs past the %d available bytes", total, room),
        layout.section)
    elseif total < 4 * shortest then
      problem(found, "dwTotalSize", string.format("dwTotalSize %d is less than the fixed part of %d", total,
        4 * shortest), layout.section)
    end
  end
  return field_problems(record, found)
end

local function show_problems(tree, found)
  for _, each in ipairs(found) do
    local rule = each.rule and each.rule ~= "" and each.rule or nil
    local text = string.format("%s: %s (MS-TRP %s)", each.field, each.detail, each.section)
    local item = tree:add(F.problem, text)
    item:set_generated()
    if rule then
      item:add(F.rule, rule):set_generated()
    end
    item:add_proto_expert_info(rule and broken_rule or damaged, (rule and rule .. ", " or "") .. text)
  end
end

-- Showing: fields and what they mean -----------------------------------------------------------------------------

local show_fields

-- How many bytes of variable data may still be shown: overlapping offsets cannot multiply work.
local function spend(budget, size)
  budget.left = budget.left - size - 16
  return budget.left >= 0
end

local function show_word(tree, record, name, key, index)
  local at = record.start + 4 * index
  if at + 4 <= record.tvb:len() then
    return tree:add_le(F[key], record.tvb(at, 4))
  end
  return tree:add(F[key], long(record.tvb, at))
end

local function show_structure(tree, record, budget, field)
  local layout = record.layout
  local size = math.min(math.max(0, record.limit - record.start), record.tvb:len() - record.start)
  local item
  if size > 0 then
    item = tree:add(F[field or "structure"], record.tvb(record.start, size), layout.name)
  else
    item = tree:add(F[field or "structure"], layout.name)
  end
  show_fields(item, record, budget, layout.name .. ".")
  return item
end

local function show_text(tree, key, tvb, start, stop)
  local ending = terminator(tvb, start, stop) or (stop - (stop - start) % 2)
  local text = ending > start and tvb(start, ending - start):le_ustring() or ""
  if stop > start then
    tree:add(F[key], tvb(start, stop - start), text)
  else
    tree:add(F[key], text)
  end
  tree:append_text(" \"" .. text .. "\"")
end

local function show_guid(tree, key, tvb, at)
  local b = tvb(at, 16):bytes()
  local order = { 3, 2, 1, 0, "-", 5, 4, "-", 7, 6, "-", 8, 9, "-", 10, 11, 12, 13, 14, 15 }
  local parts = {}
  for place, index in ipairs(order) do
    parts[place] = index == "-" and "-" or string.format("%02x", b:get_index(index))
  end
  local text = table.concat(parts)
  tree:add(F[key], tvb(at, 16), text)
  tree:append_text(" " .. text)
end

local function show_entries(tree, record, layout, start, step, count, budget, own)
  for place = 0, count - 1 do
    local at = start + place * step
    local entry
    if own then
      entry = structure_at(layout, record.tvb, at, at + step)
    else
      entry = structure_at(layout, record.tvb, at, at + step, record.origin, record.limit)
    end
    local item = tree:add(F.entry, layout.name)
    show_fields(item, entry, budget, layout.name .. ".")
  end
end

local SHOW = {}

function SHOW.n(tree, record, field, budget, key)
  if field.i >= record.count then
    return
  end
  local item = show_word(tree, record, field.n, key, field.i)
  local number = word(record, field.i)
  if field.tables and not (number == ABSENT and field.d == "out") then
    show_names(item, spelled(field.tables, number))
  end
  return item
end

function SHOW.m(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  if item and field.by < record.count then
    local index = field.modes[word(record, field.by) % 0x1000000]
    local number = word(record, field.i)
    if index and number ~= 0 then
      show_names(item, meaning(TABLES[index], number))
    end
  end
end

function SHOW.t(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  local start, stop = extent(record, field)
  if item and start and spend(budget, stop - start) then
    local ending = terminator(record.tvb, start, stop)
    if ending then
      show_text(item, key .. ".text", record.tvb, start, ending + 2)
    end
  end
end

function SHOW.x(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  local start, stop = extent(record, field)
  if item and start and spend(budget, stop - start) and stop > start then
    item:add(F[key .. ".data"], record.tvb(start, stop - start))
  end
end

function SHOW.g(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  local start, stop = extent(record, field)
  if item and start and stop - start >= 16 then
    show_guid(item, key .. ".guid", record.tvb, start)
  end
end

function SHOW.s(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  local start, stop = extent(record, field)
  if item and start and spend(budget, STRUCTURES[field.type].words) then
    show_structure(item, structure_at(STRUCTURES[field.type], record.tvb, start, stop), budget)
  end
end
SHOW.b = SHOW.s

function SHOW.a(tree, record, field, budget, key)
  local item = SHOW.n(tree, record, field, budget, key)
  local start, stop = extent(record, field)
  if not item or not start or not spend(budget, stop - start) then
    return
  end
  if field.entry then
    local layout = STRUCTURES[field.entry]
    local step = 4 * layout.words
    show_entries(item, record, layout, start, step, math.floor((stop - start) / step), budget, true)
  else
    for at = start, stop - 4, 4 do
      item:add_le(F[key .. ".item"], record.tvb(at, 4))
    end
  end
end

function SHOW.G(tree, record, field, budget, key)
  if field.i + 4 <= record.count then
    local at = record.start + 4 * field.i
    show_guid(tree:add(record.tvb(at, 16), field.n), key .. ".guid", record.tvb, at)
  end
end

function SHOW.T(tree, record, field, budget, key)
  if field.i + 4 <= record.count then
    local at, n = record.start + 4 * field.i, {}
    for place = 0, 7 do
      n[place] = record.tvb(at + 2 * place, 2):le_uint()
    end
    local text = string.format("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", n[0], n[1], n[3], n[4], n[5], n[6], n[7])
    tree:add(record.tvb(at, 16), field.n):add(F[key .. ".time"], record.tvb(at, 16), text)
  end
end

function SHOW.E(tree, record, field, budget, key)
  local layout = STRUCTURES[field.type]
  if field.i + layout.words <= record.count then
    local at = record.start + 4 * field.i
    local inner = structure_at(layout, record.tvb, at, at + 4 * layout.words)
    show_structure(tree:add(F[key .. ".at"], record.tvb(at, 4 * layout.words), field.n), inner, budget)
  end
end

local CONTENTS = {}

function CONTENTS.bytes(item, record, field, key, start, stop)
  item:add(F[key .. ".data"], record.tvb(start, stop - start))
end

function CONTENTS.ascii(item, record, field, key, start, stop)
  local bytes, ending = record.tvb(start, stop - start):bytes(), stop - start
  for place = 0, bytes:len() - 1 do
    if bytes:get_index(place) == 0 then
      ending = place
      break
    end
  end
  local text = ending > 0 and record.tvb(start, ending):string() or ""
  item:add(F[key .. ".text"], record.tvb(start, stop - start), text)
  item:append_text(" \"" .. text .. "\"")
end

function CONTENTS.text(item, record, field, key, start, stop)
  local form = field.format and word(record, field.format) or 3
  if form == 1 then
    CONTENTS.ascii(item, record, field, key, start, stop)
  elseif form ~= 3 then
    CONTENTS.bytes(item, record, field, key, start, stop)
  else
    show_text(item, key .. ".text", record.tvb, start, stop)
  end
end

function CONTENTS.texts(item, record, field, key, start, stop)
  stop = stop - (stop - start) % 2
  while start < stop do
    local ending = terminator(record.tvb, start, stop) or stop
    if ending == start then
      break
    end
    item:add(F[key .. ".texts"], record.tvb(start, ending - start), record.tvb(start, ending - start):le_ustring())
    start = ending + 2
  end
end

function CONTENTS.rows(item, record, field, key, start, stop)
  local step, count = word(record, field.row), word(record, field.counted)
  if step == 0 then
    return
  end
  for place = 0, math.min(count, math.floor((stop - start) / step)) - 1 do
    local at = start + place * step
    local last = at + math.floor(step / 2) * 2
    local ending = terminator(record.tvb, at, last) or last
    item:add(F[key .. ".texts"], record.tvb(at, step), ending > at and record.tvb(at, ending - at):le_ustring() or "")
  end
end

function CONTENTS.structure(item, record, field, key, start, stop, budget)
  show_structure(item, structure_at(STRUCTURES[field.entry], record.tvb, start, stop), budget)
end

function CONTENTS.array(item, record, field, key, start, stop, budget)
  local step = field.entry and 4 * STRUCTURES[field.entry].words or 4
  local count = math.floor((stop - start) / step)
  if field.counted then
    count = math.min(count, word(record, field.counted))
  end
  if field.entry then
    show_entries(item, record, STRUCTURES[field.entry], start, step, count, budget)
    return
  end
  for place = 0, count - 1 do
    local range = record.tvb(start + 4 * place, 4)
    local each = item:add_le(F[key .. ".item"], range)
    if field.table then
      show_names(each, meaning(TABLES[field.table], range:le_uint()))
    end
  end
end

function SHOW.p(tree, record, field, budget, key)
  if field.i >= record.count then
    return
  end
  local item = show_word(tree, record, field.n .. "Size", key .. "Size", field.i)
  if field.i + 1 < record.count then
    item = show_word(tree, record, field.n .. "Offset", key .. "Offset", field.i + 1)
  end
  local start, stop = pair_extent(record, field)
  if start and spend(budget, stop - start) then
    CONTENTS[field.c](item, record, field, key, start, stop, budget)
  end
end

function SHOW.F(tree, record, field, budget, key)
  if record.count < field.i then
    return
  end
  local step = following_step(record, field)
  local start = record.origin + 4 * field.i
  local count = math.min(word(record, field.counted), math.floor(math.max(0, record.limit - start) / step))
  if count > 0 then
    local item = tree:add(F[key .. ".at"], field.n)
    show_entries(item, record, STRUCTURES[field.entry], start, step, count, budget)
  end
end

function SHOW.R(tree, record, field, budget, key)
  local start, stop = rest_extent(record, field)
  if not start or not spend(budget, stop - start) then
    return
  end
  local item = tree:add(F[key .. ".at"], record.tvb(start, stop - start), field.n)
  if field.entry then
    show_structure(item, structure_at(STRUCTURES[field.entry], record.tvb, start, stop), budget)
  elseif field.text then
    show_text(item, key .. ".text", record.tvb, start, stop)
  else
    item:add(F[key .. ".data"], record.tvb(start, stop - start))
  end
end

function SHOW.U(tree, record, field, budget, key)
  local body = union_body(record, field)
  if body then
    show_structure(tree:add(F[key .. ".at"], field.n), body, budget)
  end
end

show_fields = function(tree, record, budget, prefix)
  for _, field in ipairs(record.layout.fields) do
    SHOW[field.k](tree, record, field, budget, prefix .. field.n)
  end
end

-- Packets --------------------------------------------------------------------------------------------------------

local REQUEST_CARRIES = { ["in"] = true, inout = true }
local RESPONSE_CARRIES = { out = true, inout = true }

-- The words that the summary line repeats: handles, what events say, what strings say.
local function summary_of(record, wanted)
  local words = {}
  for _, field in ipairs(record.layout.fields) do
    if field.k == "n" and field.h and (field.d == wanted or wanted == nil) and field.i < record.count then
      local number = word(record, field.i)
      if number ~= 0 and field.n ~= "hRemoteLine" then
        words[#words + 1] = string.format("%s=0x%x", field.n, number)
      end
    elseif field.k == "n" and field.tables and wanted == nil and field.n == "Param1" then
      local names = spelled(field.tables, word(record, field.i))
      names = type(names) == "table" and table.concat(names, "|") or names
      words[#words + 1] = names and names:gsub("^[^_]*_", "") or nil
    elseif field.k == "t" and wanted == "in" then
      local start, stop = extent(record, field)
      local ending = start and terminator(record.tvb, start, stop)
      if ending and ending > start then
        words[#words + 1] = "\"" .. record.tvb(start, ending - start):le_ustring() .. "\""
      end
    end
  end
  return table.concat(words, " ")
end

local function outcome(code)
  if code == 0 then
    return "0"
  elseif ERRORS[code] then
    return ERRORS[code]
  end
  return string.format("0x%x", code)
end

local function show_message(tree, buffer, call, capacity)
  local phase = call.phase
  local length = buffer:len()
  local number = phase == "request" and length >= 4 and buffer(0, 4):le_uint() or call.func
  local layout = number and REQUESTS[number] or UNKNOWN
  local record = {
    layout = layout, tvb = buffer, start = 0, origin = FIXED, limit = length, count = FIXED / 4,
    capacity = phase == "request" and capacity or length,
    carries = phase == "request" and REQUEST_CARRIES or RESPONSE_CARRIES,
  }
  tree:add(F.packet, layout.name):set_generated()
  tree:add(F.section, layout.section):set_generated()
  local first = phase == "request" and "Req_Func" or "Ack_ReturnValue"
  local item = show_word(tree, record, first, first, 0)
  local head = word(record, 0)
  local text = layout.name
  if phase == "response" then
    if head ~= 0 and ERRORS[head] then
      show_names(item, ERRORS[head])
    end
    text = text .. " = " .. outcome(head)
    if head < 0x80000000 then
      local more = summary_of(record, "out")
      text = text .. (more ~= "" and " " .. more or "")
    end
  else
    local more = summary_of(record, "in")
    text = text .. (more ~= "" and " " .. more or "")
  end
  show_fields(tree, record, { left = 4 * length + 4096 }, "")
  local found, asked = {}, phase == "request"
  if length < FIXED then
    problem(found, "pBuffer", string.format("%d bytes are less than the fixed part of %d", length, FIXED),
      layout.section, asked and length < 4 and { "TRP-3.1.4.2-GEN-02" } or nil)
  end
  if asked and record.capacity < FIXED then
    problem(found, "lNeededSize", string.format("%d is less than the fixed part of %d", record.capacity, FIXED),
      "3.1.4.2", { "TRP-3.1.4.2-GEN-01" })
  end
  across(record, found)
  field_problems(record, found)
  if layout == UNKNOWN then
    if length > 0 then
      tree:add(F.raw, buffer(0, length))
    end
    if phase == "request" then
      problem(found, "Req_Func", string.format("%d is not the number of a request", head), "3.1.4.2",
        { "TRP-3.1.4.2-GEN-04" })
    end
  end
  show_problems(tree, found)
  tree:append_text(", " .. text)
  return text
end

-- The layout of an event record: the completion of its request, or what its number says.
local function event_layout(buffer, at, size, func)
  local msg = long(buffer, at + 16)
  local completion = func and COMPLETIONS[func]
  if (msg == 12 or msg == 17) and completion and completion.shortest <= size and completion.msg == msg then
    return completion, true
  end
  return EVENTS[msg] or UNKNOWN_EVENT, false
end

local function show_event(tree, buffer, func)
  local size = buffer:len()
  local layout, completion = event_layout(buffer, 0, size, func)
  local record = {
    layout = layout, tvb = buffer, start = 0, origin = 0,
    limit = math.min(size, math.max(long(buffer, 0), 4 * layout.words)),
    count = math.min(layout.words, math.floor(size / 4)),
  }
  local name = completion and (layout.msg == 17 and "PHONE_REPLY" or "LINE_REPLY") or layout.name
  tree:add(F.packet, name):set_generated()
  tree:add(F.section, layout.section):set_generated()
  if completion then
    tree:add(F.completes, layout.name):set_generated()
  end
  show_fields(tree, record, { left = 4 * size + 4096 }, "")
  local found, text = {}, name
  if layout.reply and record.count > 7 then
    local code = word(record, 7)
    if code ~= 0 and ERRORS[code] then
      tree:add(F.constant, buffer(28, 4), ERRORS[code]):set_generated()
    end
    local of = completion and layout.name or (func and REQUEST_NAMES[func])
    text = string.format("%s%s id 0x%x = %s", name, of and " for " .. of or "", word(record, 6), outcome(code))
  end
  local fixed = 4 * layout.words
  if layout == UNKNOWN_EVENT then
    tree:add(F.raw, buffer(0, size))
    problem(found, "Msg", string.format("0x%x is not the number of an event", long(buffer, 16)), "2.2.4.2.1")
  end
  if size < fixed and not (completion and size >= layout.shortest) then
    problem(found, layout.total, string.format("%d bytes are less than the fixed part of %d", size, fixed),
      layout.section)
  end
  field_problems(record, found)
  show_problems(tree, found)
  local more = summary_of(record)
  text = text .. (more ~= "" and " " .. more or "")
  tree:append_text(", " .. text)
  return text
end

-- Each record of an event buffer as (start, size), and what is wrong with the buffer itself.
local function split(buffer)
  local found, at, stop, note = {}, 0, buffer:len(), nil
  while stop - at >= EVENT do
    local size = buffer(at, 4):le_uint()
    if size < EVENT or size % 4 ~= 0 or size > stop - at then
      break
    end
    found[#found + 1] = { at, size }
    at = at + size
  end
  if at < stop then
    local rest = stop - at
    if rest < EVENT and at == 0 then
      note = { "lSize", string.format("%d bytes are less than one event of %d", rest, EVENT), "TRP-3.3.4.2-GEN-01" }
    elseif rest < EVENT then
      note = { "pBuffer", string.format("%d bytes remain after the last event", rest), "TRP-3.3.4.2-GEN-03" }
    else
      local size = buffer(at, 4):le_uint()
      local detail
      if size < EVENT then
        detail = string.format("%d at byte %d is less than the fixed part of %d", size, at, EVENT)
      elseif size % 4 ~= 0 then
        detail = string.format("%d at byte %d is not a multiple of 4", size, at)
      else
        detail = string.format("%d at byte %d runs past the %d remaining bytes", size, at, rest)
      end
      note = { "TotalSize", detail, "TRP-3.3.4.2-GEN-02" }
    end
  end
  return found, note
end

-- Stubs ----------------------------------------------------------------------------------------------------------

-- A reader walks through a stub; `broken` tells that a parameter is not there.
local Reader = {}
Reader.__index = Reader

function Reader.new(tvb, ndr64)
  return setmetatable({ tvb = tvb, at = 0, ndr64 = ndr64, notes = {} }, Reader)
end

function Reader:need(name, at, size)
  if self.broken or size > self.tvb:len() - at then
    self.broken = self.broken or string.format("%s: needs %d bytes at byte %d of a stub of %d", name, size, at,
      self.tvb:len())
    return false
  end
  return true
end

function Reader:long(name)
  local at = align(self.at, 4)
  if not self:need(name, at, 4) then
    return nil
  end
  self.at = at + 4
  return self.tvb(at, 4)
end

function Reader:context(name)
  local at = align(self.at, 4)
  if not self:need(name, at, 20) then
    return nil
  end
  self.at = at + 20
  return self.tvb(at, 20)
end

-- A conformant varying array: where its bytes start, how many there are, and max_count.
function Reader:counted(name, width)
  local size = self.ndr64 and 24 or 12
  local at = align(self.at, self.ndr64 and 8 or 4)
  if not self:need(name, at, size) then
    return nil
  end
  local step = size / 3
  local function count(place)
    local low = self.tvb(at + place * step, 4):le_uint()
    return step == 8 and low + 4294967296 * self.tvb(at + place * step + 4, 4):le_uint() or low
  end
  local maximum, offset, actual = count(0), count(1), count(2)
  if offset ~= 0 then
    self.notes[#self.notes + 1] = string.format("%s: the array starts at element %.0f instead of 0", name, offset)
  end
  if actual > maximum then
    self.notes[#self.notes + 1] = string.format("%s: actual_count %.0f exceeds max_count %.0f", name, actual, maximum)
  end
  at = at + size
  if not self:need(name, at, actual * width) then
    return nil
  end
  self.at = at + actual * width
  return at, actual * width, maximum
end

local function show_string(tree, reader, name)
  local at, size = reader:counted(name, 2)
  if not at then
    return nil
  end
  local ending = terminator(reader.tvb, at, at + size) or at + size
  local text = ending > at and reader.tvb(at, ending - at):le_ustring() or ""
  if tree then
    if size > 0 then
      tree:add(F[name], reader.tvb(at, size), text)
    else
      tree:add(F[name], text)
    end
  end
  return text
end

local function hex(range)
  return range:bytes():tohex():lower()
end

-- The buffer inside a stub with the names of its sizes; nil when it is not there.
local function body_of(reader, needed)
  local at, size, maximum = reader:counted("pBuffer", 1)
  if not at then
    return nil
  end
  local capacity = maximum
  for _, name in ipairs(needed) do
    local range = reader:long(name)
    if range then
      local number = range:le_uint()
      if name == "lNeededSize" then
        capacity = number
      end
      local wanted = (name == "plUsedSize") and size or maximum
      if number ~= wanted then
        local what = name == "plUsedSize" and "actual_count" or "max_count"
        reader.notes[#reader.notes + 1] = string.format("%s: %.0f differs from %s %.0f", name, number, what, wanted)
      end
      if name == "lSize" and number ~= size then
        reader.notes[#reader.notes + 1] = string.format("%s: %.0f differs from actual_count %.0f", name, number, size)
      end
    end
  end
  return at, size, capacity
end

local SIZES = {
  ["ClientRequest request"] = { "lNeededSize", "plUsedSize" },
  ["ClientRequest response"] = { "plUsedSize" },
  ["RemoteSPEventProc request"] = { "lSize" },
}

-- Which association a call belongs to ----------------------------------------------------------------------------

local streams, bindings, channels, waiting, latest, frames

function mstrp.init()
  streams, bindings, channels, waiting, latest, frames = {}, {}, {}, {}, {}, {}
end

local wanted = {
  Field.new("dcerpc"), Field.new("dcerpc.payload_stub_data"), Field.new("dcerpc.decrypted_stub_data"),
  Field.new("smb2.fid"), Field.new("smb.fid"),
}
local tcp_stream = Field.new("tcp.stream")

-- The PDUs of a frame in the order of the wire: each with its bytes, its pipe, and its stub where it was sealed.
local function pdus_of()
  local found, pipe = {}, ""
  for _, info in ipairs({ all_field_infos() }) do
    local name = info.name
    if name == "dcerpc" then
      found[#found + 1] = { range = info.range, pipe = pipe }
    elseif #found > 0 and name == "dcerpc.payload_stub_data" then
      found[#found].opened = info.len > 0 and info.range or false
    elseif #found > 0 and name == "dcerpc.decrypted_stub_data" and found[#found].opened == nil then
      found[#found].opened = info.len > 0 and info.range or false
    elseif name == "smb2.fid" or name == "smb.fid" then
      pipe = info.display
    end
  end
  return found
end

local function stream_of(key)
  local stream = streams[key]
  if not stream then
    stream = { contexts = {}, proposed = {}, pending = {}, parts = {} }
    streams[key] = stream
  end
  return stream
end

local function uuid_at(range, at)
  return range(at, 16):bytes():tohex():lower()
end

local function propose(stream, call_id, range)
  local list, at = {}, 28
  for _ = 1, range(24, 1):uint() do
    if at + 24 > range:len() then
      break
    end
    local id, transfers = range(at, 2):le_uint(), range(at + 2, 1):uint()
    local feature = transfers == 1 and at + 44 <= range:len() and uuid_at(range, at + 24):sub(1, 16) == FEATURES
    list[#list + 1] = { id = id, interface = uuid_at(range, at + 4), feature = feature }
    at = at + 24 + 20 * transfers
  end
  stream.proposed[call_id] = list
end

local function accept(stream, call_id, range)
  local list = stream.proposed[call_id]
  if not list then
    return
  end
  stream.proposed[call_id] = nil
  local at = align(26 + range(24, 2):le_uint(), 4)
  if at >= range:len() then
    return
  end
  local count = range(at, 1):uint()
  at = at + 4
  for place = 1, math.min(count, #list) do
    if at + 24 > range:len() then
      break
    end
    local proposed = list[place]
    if range(at, 2):le_uint() == 0 and not proposed.feature then
      stream.contexts[proposed.id] = {
        methods = METHODS[proposed.interface], ndr64 = uuid_at(range, at + 4) == NDR64,
      }
    end
    at = at + 24
  end
end

-- The ids of asynchronous requests: chosen by the client, accepted by the server, completed or refused.
local function session_of(client)
  return { unanswered = {}, pending = {}, recent = {}, client = client, ports = {} }
end

local function session_between(client, server)
  local key = client .. " " .. server
  if not latest[key] then
    latest[key] = session_of(client)
  end
  return latest[key]
end

-- What a call says about sessions: who asked, which ids wait, which channel is whose. First pass only.
local FOLLOW = {}

FOLLOW["ClientAttach request"] = function(call, reader, pinfo)
  reader:long("lProcessID")
  show_string(nil, reader, "pszDomainUser")
  local machine = show_string(nil, reader, "pszMachine")
  local session = session_of(tostring(pinfo.src))
  local place = 0
  for part in ((machine or "") .. '"'):gmatch('([^"]*)"') do
    if place > 0 and place % 2 == 0 then
      session.ports[part] = true
    end
    place = place + 1
  end
  waiting[#waiting + 1] = session
  latest[tostring(pinfo.src) .. " " .. tostring(pinfo.dst)] = session
  call.session = session
end

FOLLOW["ClientAttach response"] = function(call, reader)
  local range = reader:context("pphContext")
  if range and call.session and hex(range) ~= NULL_CONTEXT then
    bindings[hex(range)] = call.session
  end
end

FOLLOW["ClientRequest request"] = function(call, reader, pinfo)
  local range = reader:context("phContext")
  local at, size = body_of(reader, {})
  if not at or not range then
    return
  end
  local session = bindings[hex(range)] or session_between(tostring(pinfo.src), tostring(pinfo.dst))
  call.session = session
  if size >= 4 then
    call.func = reader.tvb(at, 4):le_uint()
  end
  local layout = call.func and REQUESTS[call.func]
  if layout and layout.request_id and size >= 4 * layout.request_id + 4 then
    local id = reader.tvb(at + 4 * layout.request_id, 4):le_uint()
    call.request = { id = id, func = call.func }
    if id ~= 0 then
      session.unanswered[id] = call.request
    end
  end
end

local function completions(call, reader, at, size)
  if size <= 0 then
    return
  end
  call.completes = {}
  local session, completed = call.session, {}
  local records = split(reader.tvb(at, size):tvb())
  for place, record in ipairs(records) do
    local msg = long(reader.tvb, at + record[1] + 16)
    if msg == 12 or msg == 17 then
      local id = long(reader.tvb, at + record[1] + 24)
      local request = session.pending[id] or session.unanswered[id] or session.recent[id]
      call.completes[place] = request and request.func
      completed[#completed + 1] = id
    end
  end
  for _, id in ipairs(completed) do
    session.recent[id] = session.pending[id] or session.recent[id]
    session.pending[id] = nil
  end
end

-- After the response, a request has the id that the server returned: the id of the client if that is 0 or an error.
local function responded(call, ack)
  local request, session = call.request, call.session
  if not request or not session then
    return
  end
  local id = request.id
  if session.unanswered[id] == request then
    session.unanswered[id] = nil
  end
  if not ack then
    return
  elseif ack == 0 then
    if id ~= 0 then
      session.pending[id] = request
    end
  elseif ack >= 0x80000000 or (ack == INVALRPCCONTEXT and id ~= ack) then
    if id ~= 0 then
      session.recent[id] = request
    end
  else
    session.pending[ack] = request
  end
end

FOLLOW["ClientRequest fault"] = function(call)
  responded(call, nil)
end

FOLLOW["ClientRequest response"] = function(call, reader)
  local at, size = body_of(reader, {})
  if not at or not call.session then
    return
  end
  local ack = size >= 4 and reader.tvb(at, 4):le_uint() or 0
  responded(call, ack)
  if call.func == 0 and ack == 0 and size >= FIXED then
    local used = reader.tvb(at + 4 * EVENTS_USED, 4):le_uint()
    completions(call, reader, at + FIXED, math.min(used, size - FIXED))
  end
end

FOLLOW["RemoteSPAttach request"] = function(call, reader, pinfo)
  local host, port = tostring(pinfo.dst), tostring(pinfo.dst_port)
  for place, session in ipairs(waiting) do
    if session.client == host and session.ports[port] then
      table.remove(waiting, place)
      call.session = session
      break
    end
  end
  call.session = call.session or session_between(host, tostring(pinfo.src))
end

FOLLOW["RemoteSPAttach response"] = function(call, reader)
  local range = reader:context("pphContext")
  if range then
    channels[hex(range)] = call.session
  end
end

FOLLOW["RemoteSPEventProc request"] = function(call, reader, pinfo)
  local range = reader:context("phContext")
  call.session = range and channels[hex(range)] or session_between(tostring(pinfo.dst), tostring(pinfo.src))
  local at, size = body_of(reader, {})
  if at then
    completions(call, reader, at, size)
  end
end

-- Showing calls --------------------------------------------------------------------------------------------------

local function show_context(tree, reader, name)
  local range = reader:context(name)
  if range then
    tree:add(F[name], range)
  end
end

local function show_long(tree, reader, name)
  local range = reader:long(name)
  if range then
    tree:add_le(F[name], range)
  end
  return range and range:le_uint()
end

local SHOW_CALL = {}

SHOW_CALL["ClientAttach request"] = function(tree, reader)
  show_long(tree, reader, "lProcessID")
  show_string(tree, reader, "pszDomainUser")
  show_string(tree, reader, "pszMachine")
end

SHOW_CALL["ClientAttach response"] = function(tree, reader)
  show_context(tree, reader, "pphContext")
  show_long(tree, reader, "phAsyncEventsEvent")
  show_long(tree, reader, "return")
end

SHOW_CALL["ClientDetach request"] = function(tree, reader)
  show_context(tree, reader, "pphContext")
end
SHOW_CALL["ClientDetach response"] = SHOW_CALL["ClientDetach request"]
SHOW_CALL["RemoteSPDetach request"] = SHOW_CALL["ClientDetach request"]
SHOW_CALL["RemoteSPDetach response"] = SHOW_CALL["ClientDetach request"]

SHOW_CALL["RemoteSPAttach response"] = function(tree, reader)
  show_context(tree, reader, "pphContext")
  show_long(tree, reader, "return")
end

local function show_notes(tree, reader)
  for _, note in ipairs(reader.notes) do
    tree:add(F.note, note):add_proto_expert_info(damaged, note)
  end
  if reader.broken then
    tree:add(F.note, reader.broken):add_proto_expert_info(damaged, reader.broken)
  end
end

local function show_head(root, range, call)
  local tree = root:add(mstrp, range)
  tree:append_text(", " .. call.method .. " " .. call.phase)
  tree:add(F.method, call.method):set_generated()
  tree:add(F.phase, call.phase):set_generated()
  return tree
end

local function show_records(root, tvb, call)
  local texts = {}
  local records, note = split(tvb)
  for place, record in ipairs(records) do
    local range = tvb(record[1], record[2])
    local tree = show_head(root, range, { method = call.method, phase = "event" })
    texts[#texts + 1] = show_event(tree, range:tvb(), call.completes and call.completes[place])
  end
  return texts, note
end

local function show_call(root, stub, call)
  local what = call.method .. " " .. call.phase
  local reader = Reader.new(stub, call.ndr64)
  local whole = stub:len() > 0 and stub() or nil
  if call.phase == "fault" then
    local tree = show_head(root, whole, call)
    tree:add(F.status, call.status):add_proto_expert_info(faulted, string.format("fault 0x%08x", call.status))
    return { what }
  end
  if not SIZES[what] then
    local quiet = call.method == "RemoteSPEventProc" and call.phase == "response"
    if quiet then
      return {}
    end
    local tree = whole and show_head(root, whole, call) or show_head(root, nil, call)
    tree:add(F.packet, call.method):set_generated()
    tree:add(F.section, call.section):set_generated()
    if SHOW_CALL[what] then
      SHOW_CALL[what](tree, reader)
    end
    show_notes(tree, reader)
    return { what }
  end
  local context = what ~= "ClientRequest response" and reader:context("phContext") or nil
  local at, size, capacity = body_of(reader, SIZES[what])
  if not at then
    local tree = show_head(root, whole, call)
    show_notes(tree, reader)
    if whole then
      tree:add(F.raw, whole)
    end
    return { what .. " [cannot be read]" }
  end
  if size == 0 then
    local tree = show_head(root, whole, call)
    show_notes(tree, reader)
    return { what }
  end
  local buffer = stub(at, size):tvb()
  if call.method == "RemoteSPEventProc" then
    local texts, note = show_records(root, buffer, call)
    if note or #reader.notes > 0 then
      local tree = show_head(root, whole, call)
      show_notes(tree, reader)
      if note then
        show_problems(tree, { { field = note[1], detail = note[2], section = "3.3.4.2", rule = note[3] } })
      end
    end
    return texts
  end
  local tree = show_head(root, stub(at, size), call)
  if context then
    tree:add(F.phContext, context)
  end
  local texts = { show_message(tree, buffer, call, capacity) }
  show_notes(tree, reader)
  if call.phase == "response" and call.func == 0 and size > FIXED and buffer(0, 4):le_uint() == 0 then
    local used = math.min(buffer(4 * EVENTS_USED, 4):le_uint(), size - FIXED)
    if used > 0 then
      local more = show_records(root, buffer(FIXED, used):tvb(), call)
      for _, text in ipairs(more) do
        texts[#texts + 1] = text
      end
    end
  end
  return texts
end

-- PDUs -----------------------------------------------------------------------------------------------------------

local KINDS = { [0] = "request", [2] = "response", [3] = "fault" }

-- The call that an answer belongs to; where only one waits, also one with another id: some stacks count on their own.
local function take(pending, call_id)
  local only, count = call_id, 0
  if pending[call_id] == nil then
    for id in pairs(pending) do
      only, count = id, count + 1
    end
    if count ~= 1 then
      return nil
    end
  end
  local asked = pending[only]
  pending[only] = nil
  return asked
end

-- What one PDU completes: a call, and the bytes of its stub as a tvb; nil for all others. First pass only.
local function follow(pdu, number, pinfo)
  local range = pdu.range
  if range:len() < 24 then
    return nil
  end
  local kind, flags, call_id = range(2, 1):uint(), range(3, 1):uint(), range(12, 4):le_uint()
  if math.floor(range(4, 1):uint() / 16) ~= 1 then
    return nil
  end
  local stream = stream_of(tostring(tcp_stream()) .. pdu.pipe)
  if kind == 11 or kind == 14 then
    propose(stream, call_id, range)
    return nil
  elseif kind == 12 or kind == 15 then
    accept(stream, call_id, range)
    return nil
  elseif not KINDS[kind] then
    return nil
  end
  local start, stop = kind == 3 and 32 or 24, math.min(range:len(), range(8, 2):le_uint())
  if kind == 0 and has(flags, 0x80) then
    start = start + 16
  end
  local auth, stub = range(10, 2):le_uint(), nil
  if auth > 0 then
    local trailer = stop - auth - 8
    if trailer < start then
      return nil
    end
    if range(trailer + 1, 1):uint() == 6 and kind ~= 3 then
      if pdu.opened == nil then
        return nil
      end
      stub = { opened = pdu.opened }
    end
    stop = trailer - range(trailer + 2, 1):uint()
  end
  local first, last = has(flags, 1), has(flags, 2)
  if not stub then
    stub = { start = start, stop = math.max(start, stop) }
    if not (first and last) then
      local key = kind .. " " .. call_id
      if first then
        stream.parts[key] = { bytes = ByteArray.new(), context = range(20, 2):le_uint(), opnum = range(22, 2):le_uint() }
      end
      local parts = stream.parts[key]
      if not parts then
        return nil
      end
      if stub.stop > start then
        parts.bytes = parts.bytes .. range(start, stub.stop - start):bytes()
      end
      if not last then
        return nil
      end
      stream.parts[key] = nil
      stub = { bytes = parts.bytes, context = parts.context, opnum = parts.opnum }
    end
  elseif not last then
    return nil
  end
  local call
  if kind == 0 then
    local context = stream.contexts[stub.context or range(20, 2):le_uint()]
    local method = context and context.methods and context.methods[stub.opnum or range(22, 2):le_uint()]
    call = method and { method = method[1], section = method[2], phase = "request", ndr64 = context.ndr64 } or nil
    stream.pending[call_id] = call or false
  else
    local asked = take(stream.pending, call_id)
    if asked then
      call = {
        method = asked.method, section = asked.section, phase = KINDS[kind], ndr64 = asked.ndr64, func = asked.func,
        session = asked.session, request = asked.request, status = kind == 3 and range(24, 4):le_uint() or nil,
      }
    end
  end
  if call then
    call.stub, call.place = stub, number
  end
  return call
end

-- The tvb of the stub of a call in this frame, or nil when it is empty.
local function stub_of(call, pdu)
  local stub = call.stub
  if stub.bytes then
    return stub.bytes:len() > 0 and stub.bytes:tvb("MS-TRP stub") or nil
  elseif stub.opened ~= nil then
    return pdu.opened and pdu.opened:tvb() or nil
  elseif stub.stop > stub.start then
    return pdu.range(stub.start, stub.stop - stub.start):tvb()
  end
  return nil
end

-- Calls without any bytes: RemoteSPAttach has no parameters.
local function show_empty(root, pdu, call)
  if call.method == "RemoteSPEventProc" or call.method == "ClientRequest" then
    return {}
  end
  local tree = root:add(mstrp, pdu.range)
  tree:append_text(", " .. call.method .. " " .. call.phase)
  tree:add(F.method, call.method):set_generated()
  tree:add(F.phase, call.phase):set_generated()
  tree:add(F.packet, call.method):set_generated()
  tree:add(F.section, call.section):set_generated()
  return { call.method .. " " .. call.phase }
end

function mstrp.dissector(tvb, pinfo, root)
  if not wanted[1]() then
    return 0
  end
  local pdus, number = pdus_of(), pinfo.number
  if not frames[number] then
    frames[number] = {}
    for place, pdu in ipairs(pdus) do
      local call = follow(pdu, place, pinfo)
      if call then
        local stub = stub_of(call, pdu)
        local step = FOLLOW[call.method .. " " .. call.phase]
        if step and (stub or call.phase == "fault" or call.method == "RemoteSPAttach") then
          step(call, stub and Reader.new(stub, call.ndr64), pinfo)
        end
        frames[number][#frames[number] + 1] = call
      end
    end
  end
  local texts = {}
  for _, call in ipairs(frames[number]) do
    local pdu = pdus[call.place]
    if pdu then
      local stub = stub_of(call, pdu)
      local found = stub and show_call(root, stub, call) or show_empty(root, pdu, call)
      for _, text in ipairs(found) do
        texts[#texts + 1] = text
      end
    end
  end
  if #texts > 0 then
    pinfo.cols.protocol:set("MS-TRP")
    pinfo.cols.info:set(table.concat(texts, " · "))
  end
  return tvb:len()
end

register_postdissector(mstrp)
