#!/usr/bin/env ruby
# ActiveSupport's MessageEncryptor for Ruby, which Rails seals its sessions with: AES-256-GCM, JSON,
# an expiry.
#
#     PEER TURN_MS SIZE:NOTE_LENGTH...
require "active_support"
require "active_support/message_encryptor"
require "active_support/core_ext/integer/time"
require "active_support/core_ext/time/calculations"
require "active_support/version"
require "json"
require "securerandom"

BATCH = 16
ROUNDS = 7
LIFETIME = 12.hours
LENGTH = ActiveSupport::MessageEncryptor.key_len("aes-256-gcm")
ENCRYPTOR = ActiveSupport::MessageEncryptor.new(SecureRandom.random_bytes(LENGTH),
                                                cipher: "aes-256-gcm", serializer: JSON)

def demand(truth, what)
  abort what unless truth
end

def cpu_ns
  Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID, :nanosecond)
end

def turn(turn_ns, run)
  start = cpu_ns
  done = spent = 0
  while spent < turn_ns
    BATCH.times { run.call }
    done += BATCH
    spent = cpu_ns - start
  end
  spent.to_f / done
end

def median(turn_ns, run)
  turn(5 * turn_ns, run)
  Array.new(ROUNDS) { turn(turn_ns, run) }.sort[ROUNDS / 2]
end

def seal(variables)
  ENCRYPTOR.encrypt_and_sign(variables, expires_in: LIFETIME)
end

def unseal(cookie)
  ENCRYPTOR.decrypt_and_verify(cookie)
rescue ActiveSupport::MessageEncryptor::InvalidMessage
  nil
end

def measure(size, note_length, turn_ns)
  variables = { "user_id" => 12345678, "name" => "Ada Lovelace", "role" => "admin",
                "csrf" => SecureRandom.hex(16) }
  variables["note"] = SecureRandom.alphanumeric(note_length) if note_length > 0
  cookie = seal(variables)
  forged = cookie.dup
  middle = cookie.length / 2
  forged[middle] = cookie[middle] == "A" ? "B" : "A"

  demand(unseal(cookie) == variables, "what was opened is not what was sealed")

  {
    "seal" => -> { seal(variables) },
    "open" => -> { demand(unseal(cookie)["csrf"].length == 32, "a cookie does not open") },
    "forged" => -> { demand(unseal(forged).nil?, "a forged cookie is not refused") }
  }.each do |operation, run|
    puts JSON.generate("peer" => "Rails MessageEncryptor",
                       "version" => ActiveSupport::VERSION::STRING, "operation" => operation,
                       "size" => size, "ns" => median(turn_ns, run).round(1),
                       "bytes" => cookie.length)
  end
end

demand(ARGV.length > 1, "usage: TURN_MS SIZE:NOTE_LENGTH...")
ARGV.drop(1).each do |load|
  size, note_length = load.split(":").map(&:to_i)
  measure(size, note_length, ARGV[0].to_i * 1_000_000)
end
