package dev.nudge.data.source;

import dev.nudge.settings.InputException;
import dev.nudge.settings.ShellWord;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Recognises unsupported formats by a file's first bytes, and names a command that converts it.
public final class OtherFormat {
  /// Bytes of the beginning that are looked at.
  static final int HEAD = 4096;

  /// @param magic first bytes, in hex
  /// @param what with its article
  /// @param cure a command; FILE stands for the file, CONVERTED for a new one
  private record Format(String magic, String what, String cure) {}

  private static final Pattern KIND =
      Pattern.compile("(?i)(\\.(?:csv|tsv|json|jsonl|txt))(?:\\.(?:gz|zst|xz|zip))?$");
  private static final String PANDAS =
      "in Python: pandas.%s('FILE').to_json('converted.jsonl', orient='records', lines=True)";
  private static final List<Format> BINARY =
      List.of(
          new Format("1f8b", "compressed with gzip twice", unpack("gzip -dc FILE | gzip -dc")),
          new Format("28b52ffd", "compressed with zstd", unpack("zstd -dc FILE")),
          new Format("fd377a585a00", "compressed with xz", unpack("xz -dc FILE")),
          new Format("504b0304", "a zip archive", unpack("unzip -p FILE")),
          new Format("50415231", "a Parquet file within gzip", "as a command: gzip -d FILE"),
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

  private OtherFormat() {}

  private static String unpack(String command) {
    return "as a command: " + command + " > CONVERTED";
  }

  private static Format utf16(String magic, String encoding) {
    return new Format(
        magic,
        "text in UTF-16",
        utf8(encoding)
            + ", or in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 CONVERTED");
  }

  private static String utf8(String encoding) {
    return unpack("iconv -f " + encoding + " -t UTF-8 FILE");
  }

  /// A cure with the names of this file, and of a new one of the same kind.
  private static String named(String cure, Path file) {
    String name = file.toString();
    Matcher kind = KIND.matcher(name);
    String words =
        cure.replace("CONVERTED", "converted" + (kind.find() ? kind.group(1) : ".jsonl"));
    return words.contains("'FILE'")
        ? words.replace("FILE", name)
        : words.replace("FILE", ShellWord.of(name));
  }

  /// Makes the exception for a line that is not UTF-8, with a command for Windows-1252.
  public static InputException notUtf8(Path file, int line, Throwable cause) {
    return new InputException(
        "%s line %d is not UTF-8; if it is Windows-1252, ".formatted(file, line)
            + named(
                file.toString().endsWith(".gz")
                    ? unpack("gzip -dc FILE | iconv -f WINDOWS-1252 -t UTF-8")
                    : utf8("WINDOWS-1252"),
                file),
        cause);
  }

  /// Refuses a file that is in such a format for certain.
  ///
  /// @param name of the file in lower case, without what says that it is compressed
  /// @param head its first bytes, up to [#HEAD]
  /// @throws InputException in one line, with what to do
  static void check(Path file, String name, byte[] head) {
    Format format = of(name, head);
    if (format != null) {
      throw new InputException(
          file
              + " is "
              + format.what
              + "; supported are JSONL, JSON, CSV, TSV and Parquet, also with gzip; "
              + named(format.cure, file));
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
    return null;
  }

  private static boolean excel(String name, byte[] head) {
    return name.endsWith(".xlsx") || new String(head, StandardCharsets.ISO_8859_1).contains("xl/");
  }
}
