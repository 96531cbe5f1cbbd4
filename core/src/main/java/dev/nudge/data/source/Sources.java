package dev.nudge.data.source;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/// Opens a data file in the format of its first bytes. CSV is detected by the file's name, or by
/// separators in its first two lines.
public final class Sources {
  private static final int BUFFER = 1 << 16;
  private static final byte[] PARQUET = {'P', 'A', 'R', '1'};
  private static final Pattern JSON_ARRAY = Pattern.compile("(?s)\\s*\\[\\s*(\\{.*)?");
  private static final Pattern SPREAD_JSON = Pattern.compile("(?s)\\s*\\{\\s*\\R\\s*\".*");

  private Sources() {}

  /// Opens a file.
  ///
  /// @throws dev.nudge.settings.InputException if its format is not supported
  public static RowSource open(Path file) throws IOException {
    return open(file, Files.newInputStream(file));
  }

  /// Opens a stream.
  ///
  /// @param file name of the stream in messages
  public static RowSource open(Path file, InputStream in) throws IOException {
    return open(file, file.toString().toLowerCase(Locale.ROOT), in, true);
  }

  private static RowSource open(Path file, String name, InputStream in, boolean mayBeGzip)
      throws IOException {
    InputStream buffered = new BufferedInputStream(in, BUFFER);
    buffered.mark(OtherFormat.HEAD);
    byte[] head = buffered.readNBytes(OtherFormat.HEAD);
    buffered.reset();
    if (mayBeGzip && isGzip(head)) {
      String inside = name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name;
      return open(file, inside, new GZIPInputStream(buffered, BUFFER), false);
    }
    if (mayBeGzip && head.length >= 4 && Arrays.equals(Arrays.copyOf(head, 4), PARQUET)) {
      buffered.close();
      return TableReader.find(file + " is a Parquet file").parquet(file);
    }
    OtherFormat.check(file, name, head);
    String text = new String(head, StandardCharsets.UTF_8);
    text = text.startsWith("\uFEFF") ? text.substring(1) : text;
    if (name.endsWith(".txt")) {
      return new Lines(buffered);
    } else if (JSON_ARRAY.matcher(text).matches()) {
      return new JsonElements(buffered, true);
    } else if (SPREAD_JSON.matcher(text).matches()) {
      return new JsonElements(buffered, false);
    }
    return isCsv(name, text) ? new CsvRecords(file, buffered, text) : new Lines(buffered);
  }

  /// Whether bytes begin as a gzip file does.
  public static boolean isGzip(byte[] head) {
    return head.length >= 2 && (head[0] & 0xFF) == 0x1F && (head[1] & 0xFF) == 0x8B;
  }

  private static boolean isCsv(String name, String head) {
    List<String> lines = head.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
    if (lines.isEmpty() || lines.getFirst().startsWith("{")) {
      return false;
    }
    if (name.endsWith(".csv") || name.endsWith(".tsv")) {
      return true;
    }
    return lines.stream().noneMatch(line -> line.startsWith("{"))
        && (separated(lines, "\t") || separated(lines, ",") || separated(lines, ";"));
  }

  private static boolean separated(List<String> lines, String separator) {
    return lines.size() > 1 && lines.get(0).contains(separator) && lines.get(1).contains(separator);
  }
}
