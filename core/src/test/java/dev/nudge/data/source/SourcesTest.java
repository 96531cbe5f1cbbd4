package dev.nudge.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Holds what every format gives: the texts of its rows, with the lines where they begin.
class SourcesTest {
  @TempDir Path folder;

  private List<String> rows(String name, String content) throws IOException {
    return rows(Files.writeString(folder.resolve(name), content));
  }

  private static List<String> rows(Path file) throws IOException {
    List<String> rows = new ArrayList<>();
    try (RowSource source = Sources.open(file)) {
      for (var piece = source.next(); piece != null; piece = source.next()) {
        rows.add(
            piece.line() + " " + (piece.problem() == null ? piece.text() : "! " + piece.problem()));
      }
    }
    return rows;
  }

  private Path zipped(String name, String content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content.getBytes(StandardCharsets.UTF_8));
    }
    return Files.write(folder.resolve(name), bytes.toByteArray());
  }

  @Test
  void linesAreRows() throws IOException {
    assertThat(rows("a.jsonl", "\uFEFF{\"a\": 1}\r\n\n  \n{\"a\": \"é\uFFFD\"}"))
        .containsExactly("1 {\"a\": 1}", "4 {\"a\": \"é\uFFFD\"}");
    assertThat(rows("a.txt", "a, b\nc, d\n")).containsExactly("1 a, b", "2 c, d");
    assertThat(rows("empty.jsonl", "")).isEmpty();
    String wide = "{\"a\": \"" + "x".repeat(200_000) + "\"}";
    assertThat(rows("wide.jsonl", wide + "\n" + wide + "\n{}"))
        .containsExactly("1 " + wide, "2 " + wide, "3 {}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.json", "a.jsonl", "a"})
  void theElementsOfAnArrayAreRows(String name) throws IOException {
    assertThat(
            rows(
                name,
                """

                [
                  {"a": "]},{\\" [", "b": [1, {"c": 2}]},
                  {
                    "a": 2
                  }
                  , 3, "x", [4]
                ]
                """))
        .containsExactly(
            "3 {\"a\": \"]},{\\\" [\", \"b\": [1, {\"c\": 2}]}",
            "4 {\n    \"a\": 2\n  }",
            "7 3",
            "7 \"x\"",
            "7 [4]");
    assertThat(rows(name, "\uFEFF[{\"a\": 1},{\"a\": 2}]"))
        .containsExactly("1 {\"a\": 1}", "1 {\"a\": 2}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[{}, {}|! the array has no end; is the file cut off?",
        "[{} {}]|! no comma stands between two elements of the array",
        "[{}, ]|! a comma stands before the end of the array",
        "[{}] {}|! there is more behind the array",
        "[{}, {\"a\": 1|! the array has no end; is the file cut off?"
      })
  void aBrokenArrayIsABadRow(String array, String last) throws IOException {
    assertThat(rows("a.json", array)).last().isEqualTo("1 " + last);
  }

  @Test
  void objectsMayBeSpreadOverLines() throws IOException {
    assertThat(rows("a.json", "{\n  \"a\": 1\n}\n\n{\n  \"a\": {}\n} {\"b\": 2}\n7\n"))
        .containsExactly("1 {\n  \"a\": 1\n}", "5 {\n  \"a\": {}\n}", "7 {\"b\": 2}", "8 7");
  }

  @Test
  void recordsBelowAHeaderAreRows() throws IOException {
    assertThat(
            rows(
                "a.csv",
                "\uFEFF id ,text\r\n1,\"a, \"\"b\"\"\n\\ c\"\r\n\r\n2,\r\n3\r\n4,x,y\r\n5,\"\u0001\""))
        .containsExactly(
            "2 {\"id\":\"1\",\"text\":\"a, \\\"b\\\"\\n\\\\ c\"}",
            "5 {\"id\":\"2\",\"text\":\"\"}",
            "6 ! 1 fields, where the header names 2 columns; a field with separators or line breaks stands in double quotes",
            "7 ! 3 fields, where the header names 2 columns; a field with separators or line breaks stands in double quotes",
            "8 {\"id\":\"5\",\"text\":\"\\u0001\"}");
    assertThat(rows("marked.csv", "\uFEFF\"id\",\"a,b\"\n1,2\n"))
        .containsExactly("2 {\"id\":\"1\",\"a,b\":\"2\"}");
    assertThat(rows("index.csv", ",text\n0,a\n")).containsExactly("2 {\"text\":\"a\"}");
    assertThat(rows("closed.csv", "id,text\n0,\"a\nb\"\n\n")) // no line break is made up
        .containsExactly("2 {\"id\":\"0\",\"text\":\"a\\nb\"}");
    for (String end : List.of("", "\n", "\r\n\n")) {
      assertThat(rows("open.csv", "id,text\n0,x\n1,\"a\n2,b" + end))
          .containsExactly(
              "2 {\"id\":\"0\",\"text\":\"x\"}",
              "3 ! the double quote that begins its last column is never closed");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '#',
      quoteCharacter = '`',
      value = {
        "a.csv#id;text#';'",
        "a.tsv#id,x\\ttext\\ty#tabs",
        "a.csv#id|text#','",
        "a#\"a,b,c\";text#';'"
      })
  void theSeparatorIsTheHeadersMostFrequent(String name, String header, String guess)
      throws IOException {
    String text = header.replace("\\t", "\t");
    Path file = Files.writeString(folder.resolve(name), text + "\n" + text + "\n");
    try (RowSource source = Sources.open(file)) {
      assertThat(source.guessed()).isEqualTo("CSV, columns separated by " + guess);
    }
  }

  @Test
  void whatIsWrongWithCsvIsTold() throws IOException {
    assertThatThrownBy(() -> rows("twice.csv", "a,b,a\n1,2,3\n"))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith("names the column a twice in its header; rename one");
    assertThatThrownBy(() -> rows("quote.csv", "a,b\n1,\"2\"3\n"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is no CSV behind line");
    Files.write(
        folder.resolve("latin.csv"), "a,b\n1,\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> rows(folder.resolve("latin.csv"))).isInstanceOf(NotUtf8.class);
  }

  @Test
  void everyFormatMayBeZipped() throws IOException {
    assertThat(rows(zipped("a.jsonl.gz", "{\"a\": 1}\n"))).containsExactly("1 {\"a\": 1}");
    assertThat(rows(zipped("a.json.gz", "[{\"a\": 1}]"))).containsExactly("1 {\"a\": 1}");
    assertThat(rows(zipped("a.csv.gz", "a\n1\n"))).containsExactly("2 {\"a\":\"1\"}");
    Path cut = zipped("cut.jsonl.gz", "{\"a\": 1}\n".repeat(50));
    byte[] bytes = Files.readAllBytes(cut);
    Files.write(cut, java.util.Arrays.copyOf(bytes, bytes.length - 12));
    assertThatThrownBy(() -> rows(cut)).isInstanceOf(IOException.class);
  }

  @Test
  void parquetNeedsAModule() throws IOException {
    Path file = Files.writeString(folder.resolve("a.parquet"), "PAR1....");
    assertThatThrownBy(() -> rows(file))
        .isInstanceOf(InputException.class)
        .hasMessage(
            file
                + " is a Parquet file, for which nudge needs DuckDB, 80 MB that a plain install leaves out: nudge install duckdb (in Java: dev.nudge:nudge-duckdb on the class path)");
  }
}
