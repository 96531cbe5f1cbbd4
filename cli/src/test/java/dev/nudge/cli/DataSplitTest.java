package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// Takes the rows of a test out of a data set by `data split`.
class DataSplitTest {
  private static final int ROWS = 400;
  private static final String[] SPLIT = {
    "data", "split", "--data", "D/all.jsonl", "--test", "0.2:customer", "--out", "D/cut"
  };

  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void write() throws IOException {
    place = Place.in(folder);
    place.write("all.jsonl", rows(ROWS, 0));
  }

  /// Rows of a hundred customers, whose texts are all different.
  private static String rows(int n, int from) {
    StringBuilder all = new StringBuilder();
    for (int i = from; i < from + n; i++) {
      all.append("{\"customer\": %d, \"text\": \"row %d of é\"}\n".formatted(i % 100, i));
    }
    return all.toString();
  }

  @Test
  void everyRowIsInOneOfTheTwoFilesAsItStoodAndACustomerIsOnOneSide() throws IOException {
    Ran ran = place.run(SPLIT);
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).isEmpty();
    List<String> train = lines("cut/train.jsonl");
    List<String> test = lines("cut/test.jsonl");
    assertThat(ran.out().replace(folder.toString(), "D"))
        .isEqualTo(
            "D/cut/train.jsonl: %d rows\nD/cut/test.jsonl: %d rows\n"
                .formatted(train.size(), test.size()));
    List<String> both = new ArrayList<>(train);
    both.addAll(test);
    assertThat(both).containsExactlyInAnyOrderElementsOf(lines("all.jsonl"));
    assertThat(test).hasSizeBetween(ROWS / 10, ROWS * 3 / 10);
    assertThat(customers(train)).doesNotContainAnyElementsOf(customers(test));
    assertThat(files("cut")).containsExactlyInAnyOrder("train.jsonl", "test.jsonl");
  }

  @Test
  void aRowStaysOnItsSideWhenOthersComeAndGo() throws IOException {
    place.run(SPLIT);
    Set<String> test = customers(lines("cut/test.jsonl"));
    place.write("all.jsonl", rows(150, 230) + rows(100, 1000));
    Ran again = place.run(with(SPLIT, "--overwrite", "--json"));
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(customers(lines("cut/test.jsonl"))).isEqualTo(test);
    JsonNode said = new ObjectMapper().readTree(again.out());
    assertThat(said.get("train_rows").asInt() + said.get("test_rows").asInt()).isEqualTo(250);
    assertThat(said.get("test").asString()).endsWith("test.jsonl");
  }

  /// The rows that choose the best adapter are others than those of the test.
  @Test
  void trainingHoldsOutCustomersOfItsOwnFromWhatIsLeft() throws IOException {
    place.run(SPLIT);
    Ran ran =
        place.train(
            "--data",
            "D/cut/train.jsonl",
            "--prompt",
            "{text}",
            "--completion",
            " {customer}",
            "--eval-split",
            "0.2:customer",
            "--dry-run");
    assertThat(ran.code()).as(ran.err()).isZero();
    Matcher told =
        Pattern.compile("data +(\\d+) rows,.*; held out (\\d+) rows")
            .matcher(ran.out() + ran.err());
    assertThat(told.find()).as(ran.out() + ran.err()).isTrue();
    int trained = Integer.parseInt(told.group(1));
    int held = Integer.parseInt(told.group(2));
    assertThat(held).isPositive();
    assertThat(trained + held).isEqualTo(lines("cut/train.jsonl").size()).isLessThan(ROWS);
  }

  @Test
  void rowsOfACsvAndOfJsonOverSeveralLinesBecomeLines() throws IOException {
    StringBuilder csv = new StringBuilder("customer,text\n");
    StringBuilder json = new StringBuilder("[");
    for (int i = 0; i < 40; i++) {
      csv.append(i).append(",\"a \"\"b\"\"\nc\"\n");
      json.append(i == 0 ? "" : ",").append("\n{\n \"customer\": ").append(i).append("\n}");
    }
    place.write("all.csv", csv.toString()).write("all.json", json + "\n]\n");
    Ran ran =
        place.run(
            ("data split --data D/all.csv --data D/all.json --test 0.3:customer --out " + "D/cut")
                .split(" "));
    assertThat(ran.code()).as(ran.err()).isZero();
    List<String> all = new ArrayList<>(lines("cut/train.jsonl"));
    all.addAll(lines("cut/test.jsonl"));
    assertThat(all).hasSize(80);
    ObjectMapper mapper = new ObjectMapper();
    assertThat(all.stream().map(mapper::readTree).filter(row -> row.has("text")))
        .hasSize(40)
        .allMatch(row -> row.get("text").asString().equals("a \"b\"\nc"));
    assertThat(customers(lines("cut/train.jsonl")))
        .doesNotContainAnyElementsOf(customers(lines("cut/test.jsonl")));
  }

  @Test
  void withoutAColumnEqualRowsStayTogether() throws IOException {
    place.write("all.jsonl", rows(200, 0) + rows(200, 0));
    Ran ran =
        place.run("data", "split", "--data", "D/all.jsonl", "--test", "0.25", "--out", "D/cut");
    assertThat(ran.code()).as(ran.err()).isZero();
    List<String> test = lines("cut/test.jsonl");
    assertThat(test).hasSizeBetween(50, 150);
    assertThat(lines("cut/train.jsonl")).doesNotContainAnyElementsOf(test);
    assertThat(new HashSet<>(test)).hasSize(test.size() / 2);
  }

  @Test
  void badInputIsALineAndNothingIsWritten() throws IOException {
    String share =
        "nudge: --test is '%s'; it must be a share above 0 and below 1, such as 0.1, or a share by"
            + " a column whose values stay together, such as 0.1:customer_id\n";
    refused("D/all.jsonl", "1.5", share.formatted("1.5"));
    refused("D/all.jsonl", "test", share.formatted("test"));
    refused(
        "D/none.jsonl",
        "0.1",
        "nudge: D/none.jsonl does not exist; a file, a folder or a glob of rows is needed\n");
    place.write("one.jsonl", "{\"customer\": 1}\n");
    refused(
        "D/one.jsonl",
        "0.1:customer",
        "nudge: --test 0.1:customer takes none of 1 row of D/one.jsonl; give another share, or a"
            + " column with more values\n");
    place.write("empty.jsonl", "\n");
    refused(
        "D/empty.jsonl",
        "0.1",
        "nudge: D/empty.jsonl holds no rows; a row is a JSON object, or a record below a header\n");
    refused(
        "D/all.jsonl",
        "0.1:custome",
        "nudge: D/all.jsonl: 400 of 400 rows are bad, and nothing is written; mend them, or give"
            + " another column\nD/all.jsonl lines 1, 2, 3, 4, 5, … (400 rows): no column 'custome';"
            + " the columns are customer, text; did you mean customer?\n");
    place.write("bad.jsonl", rows(60, 0) + "[1]\n");
    refused(
        "D/bad.jsonl",
        "0.5",
        "nudge: D/bad.jsonl: 1 of 61 rows is bad, and nothing is written; mend it\n"
            + "D/bad.jsonl line 61: not a JSON object but an array\n");
  }

  private void refused(String data, String test, String line) {
    Ran ran = place.run("data", "split", "--data", data, "--test", test, "--out", "D/cut");
    assertThat(ran).isEqualTo(new Ran(2, "", line));
    assertThat(place.path("cut")).doesNotExist();
  }

  @Test
  void whatIsThereIsReplacedOnlyWhenToldAndNeverWhatIsRead() throws IOException {
    place.run(SPLIT);
    String before = Files.readString(place.path("cut/test.jsonl"));
    assertThat(place.run(SPLIT))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: D/cut/train.jsonl is there already; give another --out, or --overwrite to"
                    + " replace it\n"));
    assertThat(
            place.run(
                "data split --data D/cut/*.jsonl --test 0.5 --out D/cut --overwrite".split(" ")))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --data reads D/cut/train.jsonl, which --out would replace; give another"
                    + " --out\n"));
    place.write("bad.jsonl", "[1]\n");
    Ran bad =
        place.run("data split --data D/bad.jsonl --test 0.5 --out D/cut --overwrite".split(" "));
    assertThat(bad.code()).isEqualTo(2);
    assertThat(place.path("cut/test.jsonl")).hasContent(before);
    assertThat(files("cut")).containsExactlyInAnyOrder("train.jsonl", "test.jsonl");
  }

  @Test
  void aFolderInTheWayAndALeftoverOfAKilledRunAreALineEach() throws IOException {
    Files.createDirectories(place.path("cut/train.jsonl/mine"));
    assertThat(place.run(with(SPLIT, "--overwrite")))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: D/cut/train.jsonl is a folder, which is not replaced; give another"
                    + " --out\n"));
    assertThat(place.path("cut/train.jsonl/mine")).isDirectory();
    Files.createDirectories(place.path("new"));
    place.write("new/test.jsonl.tmp", rows(3, 0));
    assertThat(place.run("data", "split", "--data", "D/new/**", "--test", "0.5", "--out", "D/new"))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --data reads D/new/test.jsonl.tmp, which --out would write anew; remove it"
                    + " where a killed command left it, or give another --out\n"));
  }

  private static String[] with(String[] line, String... more) {
    return Stream.concat(Stream.of(line), Stream.of(more)).toArray(String[]::new);
  }

  private List<String> lines(String name) throws IOException {
    return Files.readAllLines(place.path(name));
  }

  private List<String> files(String name) throws IOException {
    try (Stream<Path> files = Files.list(place.path(name))) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  private static Set<String> customers(List<String> lines) {
    Set<String> all = new HashSet<>();
    ObjectMapper mapper = new ObjectMapper();
    lines.forEach(line -> all.add(mapper.readTree(line).get("customer").asString()));
    return all;
  }
}
