package dev.nudge.data.source;

import de.siegmar.fastcsv.reader.CloseableIterator;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads records of CSV or TSV (RFC 4180: fields in double quotes may hold separators, line breaks
/// and doubled quotes) below a header that names the columns.
///
/// All values are texts, empty ones too. A column without a name is left out. The separator is the
/// one of `,`, `;` and tab that the header has most of.
final class CsvRecords implements RowSource {
  private static final int MOST = 1 << 26; // characters of a record
  private static final String SEPARATORS = ",;\t";

  private final Path file;
  private final Utf8Text text;
  private final CsvReader<CsvRecord> reader;
  private final CloseableIterator<CsvRecord> records;
  private final char separator;
  private List<String> header = List.of();
  private int line;

  /// @param head the first bytes of the file as text
  CsvRecords(Path file, InputStream in, String head) {
    this.file = file;
    this.separator = separator(head);
    this.text = new Utf8Text(in);
    this.reader =
        CsvReader.builder()
            .fieldSeparator(separator)
            .skipEmptyLines(true)
            .allowExtraFields(true)
            .allowMissingFields(true)
            .maxBufferSize(MOST)
            .ofCsvRecord(text);
    this.records = reader.iterator();
  }

  /// What separates the columns of a header; quoted parts do not count.
  private static char separator(String head) {
    int[] counts = new int[SEPARATORS.length()];
    boolean quoted = false;
    for (int i = 0; i < head.length(); i++) {
      char c = head.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == '\n' || c == '\r')) {
        if (!head.substring(0, i).isBlank()) {
          break;
        }
      } else if (!quoted && SEPARATORS.indexOf(c) >= 0) {
        counts[SEPARATORS.indexOf(c)]++;
      }
    }
    int most = 0;
    for (int i = 1; i < counts.length; i++) {
      most = counts[i] > counts[most] ? i : most;
    }
    return SEPARATORS.charAt(most);
  }

  @Override
  public String guessed() {
    return "CSV, columns separated by " + (separator == '\t' ? "tabs" : "'" + separator + "'");
  }

  @Override
  public @Nullable Piece next() throws IOException {
    CsvRecord record = record();
    if (record != null && header.isEmpty()) {
      header = header(record);
      record = record();
    }
    if (record == null) {
      return null;
    }
    line = Math.toIntExact(record.getStartingLineNumber());
    int fields = record.getFieldCount();
    if (fields != header.size()) {
      return Piece.broken(
          line,
          "%d fields, where the header names %d columns; a field with separators or line breaks stands in double quotes"
              .formatted(fields, header.size()));
    }
    if (isOpen(record.getField(fields - 1))) {
      return Piece.broken(line, "the double quote that begins its last column is never closed");
    }
    return Piece.of(line, json(record));
  }

  /// Whether the file ends inside of a quoted field. The reader takes such a field for whole; only
  /// a quoted one holds a line break.
  private boolean isOpen(String field) throws IOException {
    return (field.indexOf('\n') >= 0 || field.indexOf('\r') >= 0) && !more() && text.last() != '"';
  }

  private @Nullable CsvRecord record() throws IOException {
    return more() ? records.next() : null;
  }

  private boolean more() throws IOException {
    try {
      return records.hasNext();
    } catch (CsvParseException e) {
      Throwable why = e.getCause() == null ? e : e.getCause();
      throw new InputException(
          file + " is no CSV behind line " + line + ": " + why.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private List<String> header(CsvRecord record) {
    List<String> names = new ArrayList<>();
    Set<String> known = new HashSet<>();
    for (String field : record.getFields()) {
      String name = field.strip();
      if (!name.isEmpty() && !known.add(name)) {
        throw new InputException(
            file + " names the column " + name + " twice in its header; rename one");
      }
      names.add(name);
    }
    return names;
  }

  private String json(CsvRecord record) {
    StringBuilder json = new StringBuilder("{");
    for (int i = 0; i < header.size(); i++) {
      if (!header.get(i).isEmpty()) {
        json.append(json.length() == 1 ? "" : ",");
        JsonText.append(json, header.get(i));
        JsonText.append(json.append(':'), record.getField(i));
      }
    }
    return json.append('}').toString();
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
