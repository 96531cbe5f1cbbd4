package dev.nudge.data;

import dev.nudge.settings.InputException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Recognises, by how it begins, a file that is given for JSONL and is something else, and says
/// what makes rows of it.
///
/// Binary formats are told by their first bytes. A CSV file is told by its name, or by separators
/// in its first two lines; either only where none of its first lines begins like a row.
final class OtherFormat {
  /// Bytes of the beginning that are looked at.
  static final int HEAD = 4096;

  private static final Pattern JSON_ARRAY = Pattern.compile("(?s)\\s*\\[\\s*(\\{.*)?");
  private static final Pattern SPREAD_JSON = Pattern.compile("(?s)\\s*\\{\\s*\\R\\s*\".*");

  /// @param magic first bytes, in hex
  /// @param what with its article
  /// @param cure a command; FILE stands for the file
  private record Format(String magic, String what, String cure) {}

  private static final String PANDAS =
      "in Python: pandas.%s('FILE').to_json('converted.jsonl', orient='records', lines=True)";
  private static final String DUCKDB =
      "as a command: duckdb -c \"COPY (FROM %s('FILE')) TO 'converted.jsonl' (FORMAT json)\","
          + " or that statement through DuckDB's JDBC driver";

  private static final List<Format> BINARY =
      List.of(
          new Format("1f8b", "compressed with gzip", unpack("gzip -dc FILE")),
          new Format("28b52ffd", "compressed with zstd", unpack("zstd -dc FILE")),
          new Format("fd377a585a00", "compressed with xz", unpack("xz -dc FILE")),
          new Format("504b0304", "a zip archive", unpack("unzip -p FILE")),
          new Format("50415231", "a Parquet file", DUCKDB.formatted("read_parquet")),
          new Format("4152524f5731", "an Arrow file", PANDAS.formatted("read_feather")),
          new Format(
              "ffffffff",
              "an Arrow stream, as datasets saves it",
              "in Python: datasets.Dataset.from_file('FILE').to_json('converted.jsonl')"),
          utf16("fffe", "UTF-16"),
          utf16("feff", "UTF-16"),
          utf16("7b00", "UTF-16LE"), // a brace
          utf16("007b", "UTF-16BE"));

  private static final Format EXCEL =
      new Format(
          "", "an Excel workbook", "save it as CSV there, or " + PANDAS.formatted("read_excel"));
  private static final Format CSV = new Format("", "a CSV file", DUCKDB.formatted("read_csv"));
  private static final Format TSV = new Format("", "a TSV file", DUCKDB.formatted("read_csv"));
  private static final Format ARRAY =
      new Format("", "one JSON array", "as a command: jq -c '.[]' FILE > converted.jsonl");
  private static final Format SPREAD =
      new Format("", "JSON over several lines", "as a command: jq -c . FILE > converted.jsonl");

  private OtherFormat() {}

  private static String unpack(String command) {
    return "as a command: " + command + " > converted.jsonl";
  }

  private static Format utf16(String magic, String encoding) {
    return new Format(
        magic,
        "text in UTF-16",
        utf8(encoding)
            + ", or in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 converted.jsonl");
  }

  private static String utf8(String encoding) {
    return unpack("iconv -f " + encoding + " -t UTF-8 FILE");
  }

  /// The refusal of a line in another encoding, of which only the commonest is guessed.
  static InputException notUtf8(Path file, int line, Throwable cause) {
    return new InputException(
        "%s line %d is not UTF-8; if it is Windows-1252, ".formatted(file, line)
            + utf8("WINDOWS-1252").replace("FILE", file.toString()),
        cause);
  }

  /// Refuses a file that is no JSONL for certain.
  ///
  /// @param head its first bytes, up to [#HEAD]
  /// @throws InputException in one line, with what to do
  static void check(Path file, byte[] head) {
    Format format = of(file.toString().toLowerCase(Locale.ROOT), head);
    if (format != null) {
      throw new InputException(
          file
              + " is "
              + format.what
              + "; JSONL is needed, one JSON object a line; "
              + format.cure.replace("FILE", file.toString()));
    }
  }

  private static @Nullable Format of(String name, byte[] head) {
    for (Format format : BINARY) {
      byte[] magic = HexFormat.of().parseHex(format.magic);
      if (head.length >= magic.length
          && ByteBuffer.wrap(head, 0, magic.length).equals(ByteBuffer.wrap(magic))) {
        return format.what.equals("a zip archive") && excel(name, head) ? EXCEL : format;
      }
    }
    return name.endsWith(".txt") ? null : text(name, new String(head, StandardCharsets.UTF_8));
  }

  private static boolean excel(String name, byte[] head) {
    return name.endsWith(".xlsx") || new String(head, StandardCharsets.ISO_8859_1).contains("xl/");
  }

  private static @Nullable Format text(String name, String head) {
    String text = head.startsWith("\uFEFF") ? head.substring(1) : head;
    if (JSON_ARRAY.matcher(text).matches()) {
      return ARRAY;
    }
    if (SPREAD_JSON.matcher(text).matches()) {
      return SPREAD;
    }
    List<String> lines = text.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
    if (lines.isEmpty() || lines.stream().anyMatch(line -> line.startsWith("{"))) {
      return null;
    }
    if (name.endsWith(".tsv") || separated(lines, "\t")) {
      return TSV;
    }
    return name.endsWith(".csv") || separated(lines, ",") || separated(lines, ";") ? CSV : null;
  }

  private static boolean separated(List<String> lines, String separator) {
    return lines.size() > 1 && lines.get(0).contains(separator) && lines.get(1).contains(separator);
  }
}
