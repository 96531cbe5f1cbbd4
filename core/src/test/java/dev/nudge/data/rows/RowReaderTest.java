package dev.nudge.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.nudge.data.source.Unreadable;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowReaderTest {
  @TempDir Path folder;

  private String file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(folder.resolve(name).resolve("..").normalize());
    return Files.writeString(file, text).toString();
  }

  private static List<SourceLine> read(String... files) {
    List<SourceLine> all = new ArrayList<>();
    try (RowReader reader = RowReader.open(List.of(files))) {
      List<SourceLine> some = reader.next(2);
      for (; !some.isEmpty(); some = reader.next(2)) {
        all.addAll(some);
      }
    }
    return all;
  }

  @Test
  void indicesCountNonBlankLinesOverAllFiles() throws IOException {
    String a = file("a.jsonl", "\uFEFFone\r\n\n  \t\r\ntwo");
    String b = file("b.jsonl", "\n\nthree\u2028\u0085x\n\n");
    assertThat(read(a, b, a))
        .extracting(
            SourceLine::index, l -> l.file().toString(), SourceLine::number, SourceLine::text)
        .containsExactly(
            tuple(0, a, 1, "one"),
            tuple(1, a, 4, "two"),
            tuple(2, b, 3, "three\u2028\u0085x"),
            tuple(3, a, 1, "one"),
            tuple(4, a, 4, "two"));
    assertThat(read(file("empty", ""))).isEmpty();
  }

  @Test
  void globsGiveTheirFilesByName() throws IOException {
    String b = file("x/b.jsonl", "b");
    String a = file("x/a.jsonl", "a");
    String deep = file("x/y/c.jsonl", "c");
    file("x/a.txt", "no");
    String odd = file("x/[odd]*.json", "odd");
    assertThat(read(folder + "/x/*.jsonl"))
        .extracting(l -> l.file().toString())
        .containsExactly(a, b);
    assertThat(read(folder + "/**/c.jsonl"))
        .extracting(l -> l.file().toString())
        .containsExactly(deep);
    assertThat(read(folder + "/?/?.{jsonl,x}")).hasSize(2);
    assertThat(read(odd)).extracting(SourceLine::text).containsExactly("odd");
  }

  @Test
  void whatCannotBeReadIsRefusedInOneLine() throws IOException {
    refused(folder + "/none.jsonl", "none.jsonl does not exist");
    refused(folder + "/*.jsonl", "no file matches ");
    refused(folder + "/none/*.jsonl", "no file matches ");
    refused(folder.toString(), "holds no data; ");
    refused(folder + "/[", "is not a glob");
    Path latin = folder.resolve("latin.jsonl");
    Files.write(latin, "{}\n{\"text\": \"caf\u00E9\"}\n".getBytes(StandardCharsets.ISO_8859_1));
    refused(latin.toString(), "latin.jsonl line 2 is not UTF-8");
    Path table = folder.resolve("latin.csv"); // the rows before it are read ahead
    String text = "a,b\n" + "some words,x\n".repeat(300) + "\"two\nlines\",caf\u00E9\n" + "y,z\n";
    Files.write(table, text.getBytes(StandardCharsets.ISO_8859_1));
    refused(
        table.toString(),
        "latin.csv line 303 is not UTF-8; if it is Windows-1252, as a command:"
            + " iconv -f WINDOWS-1252 -t UTF-8 "
            + table
            + " > converted.csv");
    Path spaced = Files.copy(table, folder.resolve("it's mine.csv"));
    refused(spaced.toString(), " -t UTF-8 '" + folder + "/it'\\''s mine.csv' > converted.csv");
    Path packed = folder.resolve("latin.tsv.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      out.write("a\tb\n\u00E9\tc\n".getBytes(StandardCharsets.ISO_8859_1));
    }
    refused(
        packed.toString(),
        "latin.tsv.gz line 2 is not UTF-8; if it is Windows-1252, as a command: gzip -dc "
            + packed
            + " | iconv -f WINDOWS-1252 -t UTF-8 > converted.tsv");
    Files.write(latin, "{}".getBytes(StandardCharsets.UTF_16));
    refused(latin.toString(), "latin.jsonl is text in UTF-16; ");
    Path loop = Files.createDirectories(folder.resolve("deep")).resolve("loop");
    Files.createSymbolicLink(loop, loop.getParent());
    refused(
        folder + "/deep/**/*.jsonl",
        "*.jsonl cannot be read: " + loop + " leads back to a folder above it");
  }

  @Test
  void whyAFileCannotBeReadIsSaidInWords() {
    assertThatThrownBy(() -> ContentDigest.of(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessage("%1$s/none cannot be read: %1$s/none is not there", folder);
    assertThat(Unreadable.of("x/*", new AccessDeniedException("x/y")))
        .hasMessage("x/* cannot be read: no permission for x/y");
    assertThat(Unreadable.of("x", new FileSystemException("x", null, "Too many open files")))
        .hasMessage("x cannot be read: Too many open files");
    assertThat(Unreadable.of("x", new FileSystemException("x")))
        .hasMessage("x cannot be read: the system gives no reason");
  }

  /// What another program reads in one go is named, with what makes rows of it.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "rows.zst|28b52ffd04|compressed with zstd|as a command: zstd -dc FILE > converted.jsonl",
        "rows.xz|fd377a585a0000|compressed with xz|as a command: xz -dc FILE > converted.jsonl",
        "rows.zip|504b030414|a zip archive|as a command: unzip -p FILE > converted.jsonl",
        "rows.xlsx|504b030414|an Excel workbook|save it as CSV there, or in Python:"
            + " pandas.read_excel(`FILE`)",
        "rows.arrow|4152524f57310000|an Arrow file|in Python: pandas.read_feather(`FILE`)",
        "rows.arrow|ffffffff70010000|an Arrow stream, as datasets saves it|in Python:"
            + " datasets.Dataset.from_file(`FILE`).to_json",
        "a.jsonl|fffe7b002200|text in UTF-16|as a command: iconv -f UTF-16 -t UTF-8 FILE >",
        "a.jsonl|feff007b0022|text in UTF-16|as a command: iconv -f UTF-16 -t UTF-8 FILE >",
        "a.jsonl|7b0022007400|text in UTF-16|as a command: iconv -f UTF-16LE -t UTF-8 FILE >",
        "a.jsonl|007b00220074|text in UTF-16|as a command: iconv -f UTF-16BE -t UTF-8 FILE >",
      })
  void anotherFormatIsNamedWithWhatMakesRowsOfIt(String name, String hex, String what, String cure)
      throws IOException {
    Path file = Files.write(folder.resolve(name), HexFormat.of().parseHex(hex));
    String how = cure.replace('`', '\'').replace("FILE", file.toString());
    refused(
        file.toString(),
        file
            + " is "
            + what
            + "; supported are JSONL, JSON, CSV, TSV and Parquet, also with gzip; "
            + how);
  }

  @Test
  void rowsAreTakenForRowsWhateverTheirName() throws IOException {
    String row = "{\"text\": \"a, b\"}";
    assertThat(read(file("a.csv", row))).hasSize(1);
    assertThat(read(file("b.jsonl", "a, b\nc, d\n" + row))).hasSize(3); // bad rows, not CSV
    assertThat(read(file("c.txt", "a, b\nc, d\n"))).hasSize(2); // of a text any line may be
    assertThat(read(file("d.jsonl", "[1]\n{\n"))).hasSize(2);
  }

  @Test
  void theDigestIsThatOfTheRowsInTheirOrder() throws Exception {
    String a = file("a.jsonl", "one\ntwo");
    String b = file("b.jsonl", "three\n");
    assertThat(ContentDigest.of(Path.of(a))).isEqualTo(sha("one\ntwo"));
    assertThat(ContentDigest.of(List.of(a, b))).isEqualTo(sha("one\ntwo\nthree\n"));
    assertThat(ContentDigest.of(List.of(b, a))).isEqualTo(sha("three\none\ntwo"));
    String empty = file("empty", "");
    assertThat(ContentDigest.of(List.of(empty, a, empty, b)))
        .isEqualTo(ContentDigest.of(List.of(file("x/c", "one\n"), file("x/d", "two\nthree\n"))));
    assertThat(ContentDigest.of(List.of(folder + "/x/*"))).isEqualTo(sha("one\ntwo\nthree\n"));
    String large = "row\n".repeat(50_000); // more than is read at once
    assertThat(ContentDigest.of(List.of(file("large", large), a)))
        .isEqualTo(sha(large + "one\ntwo"));
  }

  @Test
  void theDigestOfAFileThatIsZippedIsThatOfWhatIsInIt() throws Exception {
    Path zipped = folder.resolve("a.jsonl.gz");
    try (var gzip = new GZIPOutputStream(Files.newOutputStream(zipped))) {
      gzip.write("one\ntwo".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(ContentDigest.of(zipped)).isEqualTo(sha("one\ntwo"));
    assertThat(read(zipped.toString())).extracting(SourceLine::text).containsExactly("one", "two");
  }

  private static String sha(String text) throws NoSuchAlgorithmException {
    byte[] digest =
        MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return "sha256:" + HexFormat.of().formatHex(digest);
  }

  @Test
  void standardInputIsRefusedWhereItIsNotRead() {
    refused("-", "- is standard input, which only generate reads rows from");
    assertThatThrownBy(() -> ContentDigest.of(List.of("-"))).isInstanceOf(InputException.class);
  }

  private static void refused(String name, String message) {
    assertThatThrownBy(() -> read(name))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("\n");
  }
}
