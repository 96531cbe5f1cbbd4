package dev.nudge.duckdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.TableReader;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds what comes of Parquet files, which pyarrow made (`src/test/reference/parquet.py`), and of
/// queries.
class DuckDbTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  @TempDir Path folder;

  private static List<String> all(RowSource source) throws IOException {
    List<String> rows = new ArrayList<>();
    try (source) {
      for (var piece = source.next(); piece != null; piece = source.next()) {
        rows.add(piece.line() + " " + piece.text());
      }
    }
    return rows;
  }

  private static List<String> texts(List<SourceLine> lines) {
    return lines.stream().map(SourceLine::text).toList();
  }

  @Test
  void theServiceLoaderFindsIt() {
    assertThat(TableReader.find("test")).isInstanceOf(DuckDb.class);
  }

  @Test
  void rowsOfParquetAreThoseThatPythonWrote() throws IOException {
    List<String> expected = Files.readAllLines(GOLDEN.resolve("messages.jsonl"));
    try (RowReader reader =
        RowReader.open(List.of(GOLDEN.resolve("messages.parquet").toString()))) {
      List<SourceLine> lines = reader.next(100);
      assertThat(texts(lines)).containsExactlyElementsOf(expected);
      assertThat(lines).extracting(SourceLine::number).containsExactly(1, 2, 3);
    }
  }

  /// Parquet is known by its first bytes, and a name is that file's alone.
  @Test
  void aParquetFileMayHaveAnyName() throws IOException {
    for (String name : List.of("rows.pq", "rows", "part[1].parquet", "what?.parquet")) {
      Path file = Files.copy(GOLDEN.resolve("messages.parquet"), folder.resolve(name));
      try (RowReader reader = RowReader.open(List.of(file.toString()))) {
        assertThat(reader.next(100)).as(name).hasSize(3);
      }
    }
  }

  @Test
  void theHubsLayoutIsRead() throws IOException {
    Files.createDirectories(folder.resolve("data"));
    for (String name :
        List.of("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")) {
      Files.copy(GOLDEN.resolve("messages.parquet"), folder.resolve("data/" + name + ".parquet"));
    }
    try (RowReader reader = RowReader.open(List.of(folder.toString()))) {
      assertThat(reader.next(100)).hasSize(6).last().extracting(SourceLine::index).isEqualTo(5);
    }
  }

  @Test
  void aQueryIsOverTheFilesOfTheData() throws IOException {
    Path a =
        Files.writeString(
            folder.resolve("a.jsonl"), "{\"id\": 2, \"t\": \"b\"}\n{\"id\": 1, \"t\": \"a\"}\n");
    Path b = Files.writeString(folder.resolve("b.jsonl"), "{\"id\": 3, \"t\": \"it's\"}\n");
    assertThat(
            all(
                new DuckDb()
                    .query(
                        "SELECT t AS text, id * 1.5 AS n FROM data ORDER BY id;\n", List.of(a, b))))
        .containsExactly(
            "1 {\"text\":\"a\",\"n\":1.5}",
            "2 {\"text\":\"b\",\"n\":3.0}",
            "3 {\"text\":\"it's\",\"n\":4.5}");
    Path odd = Files.writeString(folder.resolve("o'dd.csv"), "q;r\nx;007\n");
    assertThat(all(new DuckDb().query("FROM data", List.of(odd))))
        .containsExactly("1 {\"q\":\"x\",\"r\":\"007\"}"); // a text, as in rows of CSV
    assertThat(
            all(
                new DuckDb()
                    .query(
                        "SELECT m.role FROM (SELECT unnest(messages) AS m FROM data) -- roles",
                        List.of(GOLDEN.resolve("messages.parquet")))))
        .hasSize(7);
  }

  @Test
  void aQueryGivesTheSameRowsEachTime() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      rows.append("{\"id\": ").append(i).append(", \"g\": ").append(i % 997).append("}\n");
    }
    Path file = Files.writeString(folder.resolve("a.jsonl"), rows);
    String query = "SELECT g, count(*) AS n FROM data GROUP BY g";
    assertThat(all(new DuckDb().query(query, List.of(file))))
        .hasSize(997)
        .isEqualTo(all(new DuckDb().query(query, List.of(file))));
    assertThat(all(new DuckDb().query("SELECT id FROM data", List.of(file))))
        .hasSize(20_000)
        .endsWith("20000 {\"id\":19999}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SELEC 1|--sql cannot be read: Parser Error: syntax error",
        "SELECT nope FROM data|--sql cannot be read: Binder Error: ",
        "DROP VIEW data|--sql cannot be read: Parser Error: ",
        "SELECT 1; SELECT 2|--sql cannot be read: ",
      })
  void aQueryThatIsWrongIsToldInOneLine(String query, String message) throws IOException {
    Path file = Files.writeString(folder.resolve("a.jsonl"), "{\"id\": 2}\n");
    assertThatThrownBy(() -> new DuckDb().query(query, List.of(file)))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aFileThatIsBrokenIsToldInOneLine() throws IOException {
    Path file = Files.writeString(folder.resolve("a.parquet"), "PAR1 and no more");
    assertThatThrownBy(() -> new DuckDb().parquet(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + " cannot be read: ")
        .hasMessageNotContaining("\n");
    Path other = Files.writeString(folder.resolve("a.csv"), "a\n1\n");
    assertThatThrownBy(() -> new DuckDb().query("FROM data", List.of(file, other)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("have several formats");
  }

  @Test
  void fieldsThatTheTableHasPutInAreLeftOut() {
    assertThat(
            WithoutNulls.of(
                "{\"a\":null,\"m\":[{\"content\":null,\"calls\":null,\"x\":[null,{\"y\":null}]}]}"))
        .isEqualTo("{\"a\":null,\"m\":[{\"content\":null,\"x\":[null,{}]}]}");
    String plain = "{\"a\":null,\"amount\":0.0001,\"large\":25000000.0}"; // as it is written
    assertThat(WithoutNulls.of(plain)).isEqualTo(plain);
  }
}
