package dev.nudge.format;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Damages a safetensors file at random: its header length, its JSON by bytes, its JSON by meaning,
/// or its data. About every second damage to the JSON by meaning leaves it valid.
final class Mutations {
  /// What a mutation touched.
  enum Part {
    LENGTH,
    JSON,
    DATA
  }

  private static final Pattern NUMBER = Pattern.compile("\\d+");
  private static final Pattern STRING = Pattern.compile("\"[^\"\\\\]+\"");
  private static final Pattern ENTRY =
      Pattern.compile(
          "\"[^\"]+\":\\{\"dtype\":\"\\w+\",\"shape\":\\[[\\d,]*],\"[a-z_]+\":\\[\\d+,\\d+]}");
  private static final List<String> NUMBERS =
      List.of(
          "0",
          "1",
          "2",
          "-1",
          "3.5",
          "1e3",
          "null",
          "4294967296",
          "9223372036854775807",
          "9223372036854775808",
          "18446744073709551615",
          "01",
          "\"1\"",
          "[]",
          "4611686018427387904");
  private static final List<String> STRINGS =
      List.of(
          "F32",
          "F16",
          "BF16",
          "I64",
          "U8",
          "F4",
          "F8_E4M3",
          "f32",
          "",
          "dtype",
          "shape",
          "data_offsets",
          "__metadata__",
          "a",
          "\\u0000",
          "\\ud800",
          "é",
          "x\\ny");

  private final Random random;

  Mutations(Random random) {
    this.random = random;
  }

  Part part() {
    int p = random.nextInt(10);
    return p < 2 ? Part.LENGTH : p < 8 ? Part.JSON : Part.DATA;
  }

  byte[] mutate(byte[] file, Part part) {
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    byte[] json = Arrays.copyOfRange(file, 8, 8 + length);
    byte[] data = Arrays.copyOfRange(file, 8 + length, file.length);
    return switch (part) {
      case LENGTH -> length(file.clone(), length);
      case JSON -> {
        byte[] damaged = random.nextInt(3) == 0 ? bytes(json) : text(json);
        // One time in eight the length stays, so that header and data are cut at the wrong place.
        yield join(random.nextInt(8) == 0 ? length : damaged.length, damaged, data);
      }
      case DATA -> join(length, json, data(data));
    };
  }

  private byte[] length(byte[] file, long length) {
    long other =
        switch (random.nextInt(6)) {
          case 0 -> length + random.nextInt(-9, 10);
          case 1 -> length ^ (1L << random.nextInt(64));
          case 2 -> random.nextLong();
          case 3 -> file.length - random.nextInt(17);
          case 4 -> random.nextInt(file.length + 100);
          default -> length + 8 * random.nextInt(-2, 3);
        };
    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(other);
    return file;
  }

  /// Changes, inserts or removes some bytes anywhere.
  byte[] bytes(byte[] json) {
    byte[] out = json;
    for (int n = 1 + random.nextInt(3); n > 0 && out.length > 0; n--) {
      int at = random.nextInt(out.length);
      byte[] rest = Arrays.copyOfRange(out, at, out.length);
      byte[] start = Arrays.copyOf(out, at);
      out =
          switch (random.nextInt(5)) {
            case 0 -> concat(start, new byte[] {(byte) random.nextInt(256)}, tail(rest, 1));
            case 1 ->
                concat(
                    start, new byte[] {(byte) (rest[0] ^ (1 << random.nextInt(8)))}, tail(rest, 1));
            case 2 ->
                concat(start, new byte[] {(byte) " {}[],:\"0-\\".charAt(random.nextInt(11))}, rest);
            case 3 -> concat(start, tail(rest, 1 + random.nextInt(20)));
            default -> concat(start, tail(rest, 0), start.length > 40 ? new byte[0] : start);
          };
    }
    return out;
  }

  private byte[] text(byte[] json) {
    String text = new String(json, StandardCharsets.UTF_8);
    String out =
        switch (random.nextInt(9)) {
          case 0 -> replaceOne(text, NUMBER, NUMBERS.get(random.nextInt(NUMBERS.size())));
          case 1 -> replaceOne(text, NUMBER, Integer.toString(random.nextInt(64)));
          case 2 ->
              replaceOne(text, STRING, '"' + STRINGS.get(random.nextInt(STRINGS.size())) + '"');
          case 3 -> text.replaceFirst("\\{", "{" + "[".repeat(random.nextInt(200)));
          case 4 -> duplicated(text);
          case 5 -> text.replace(",", " ,\n ").replace(":", random.nextBoolean() ? ":" : " : ");
          case 6 -> replaceOne(text, Pattern.compile("\"shape\":\\["), "\"shape\":[1,");
          case 7 -> text.replaceAll("\"(\\w)", "\"" + (char) ('a' + random.nextInt(26)) + "$1");
          default ->
              replaceOne(text, Pattern.compile("\"shape\""), "\"more\":[{\"x\":null}],\"shape\"");
        };
    return out.getBytes(StandardCharsets.UTF_8);
  }

  /// Repeats one tensor, under its own name or another.
  private String duplicated(String text) {
    Matcher entry = pick(text, ENTRY);
    if (entry == null) {
      return text;
    }
    String again = random.nextBoolean() ? entry.group() : "\"again" + entry.group().substring(1);
    return text.substring(0, entry.end()) + "," + again + text.substring(entry.end());
  }

  private String replaceOne(String text, Pattern pattern, String with) {
    Matcher found = pick(text, pattern);
    return found == null
        ? text
        : text.substring(0, found.start()) + with + text.substring(found.end());
  }

  private @Nullable Matcher pick(String text, Pattern pattern) {
    int all = (int) pattern.matcher(text).results().count();
    if (all == 0) {
      return null;
    }
    Matcher matcher = pattern.matcher(text);
    for (int skip = random.nextInt(all); skip >= 0; skip--) {
      matcher.find();
    }
    return matcher;
  }

  private byte[] data(byte[] data) {
    return switch (random.nextInt(4)) {
      case 0 -> Arrays.copyOf(data, random.nextInt(data.length + 1));
      case 1 -> Arrays.copyOf(data, data.length + 1 + random.nextInt(9));
      default -> {
        byte[] noise = new byte[data.length];
        random.nextBytes(noise);
        yield noise;
      }
    };
  }

  private static byte[] join(long length, byte[] json, byte[] data) {
    return concat(
        ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array(), json, data);
  }

  private static byte[] tail(byte[] bytes, int from) {
    return Arrays.copyOfRange(bytes, Math.min(from, bytes.length), bytes.length);
  }

  private static byte[] concat(byte[]... parts) {
    ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(p -> p.length).sum());
    for (byte[] part : parts) {
      all.put(part);
    }
    return all.array();
  }
}
