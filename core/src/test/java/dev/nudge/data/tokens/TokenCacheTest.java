package dev.nudge.data.tokens;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.data.Conversations;
import dev.nudge.data.Dataset;
import dev.nudge.data.Splits;
import dev.nudge.data.TokenCache;
import dev.nudge.data.TokenFile;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.WantedRows;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.train.EvalSettings;
import dev.nudge.settings.train.Flaw;
import dev.nudge.settings.train.QualitySettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.EvalSplit;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ShapeSettings;
import dev.nudge.text.TinyTokenizers;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ArrayNode;

class TokenCacheTest {
  private static final LengthSettings SPLIT = new LengthSettings(true, true);

  @TempDir Path folder;
  private Tokenizer tokenizer;
  private Path cache;
  private DataSettings data;
  private long read; // rows that were not kept

  @BeforeEach
  void fill() throws IOException {
    tokenizer = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("model"), true));
    cache = folder.resolve("cache");
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 300; i++) {
      rows.append("{\"prompt\": \"he ").append("ab ".repeat(i % 40)).append("\", ");
      rows.append("\"completion\": \"é 😀 ").append(i).append("\", \"id\": 1}\n");
      rows.append(i % 50 == 3 ? "{\"prompt\": \"no\"}\n" : "");
    }
    rows.append("\n{\"text\": \"").append("long ".repeat(60)).append("\"}\n");
    Files.writeString(folder.resolve("a.jsonl"), rows);
    Files.writeString(folder.resolve("b.jsonl"), "{\"text\": \"he\"}\n");
    data =
        new DataSettings(
            List.of(folder.resolve("a.jsonl").toString(), folder.resolve("b.jsonl").toString()),
            null,
            null,
            ShapeSettings.RECOGNISED,
            TrainOn.ASSISTANT,
            true);
  }

  private TokenCache kept() {
    read = 0;
    return TokenCache.in(cache).ofAll().watched((rows, tokens, share) -> read = rows);
  }

  private Dataset load(TokenCache with) {
    return Dataset.load(data, SPLIT, 100, tokenizer, null, with);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(cache.resolve(TokenCache.FOLDER))) {
      return all.sorted().toList();
    }
  }

  private static void same(Dataset a, Dataset b) {
    assertThat(a.rows()).isEqualTo(b.rows());
    for (int i = 0; i < a.rows(); i++) {
      Example one = a.examples().get(i);
      Example other = b.examples().get(i);
      assertThat(one.ids()).isEqualTo(other.ids());
      assertThat(marks(one)).isEqualTo(marks(other));
      assertThat(one.trainedTokens()).isEqualTo(other.trainedTokens());
      assertThat(List.of(one.index(), one.file(), one.line()))
          .isEqualTo(List.of(other.index(), other.file(), other.line()));
    }
    assertThat(told(a)).isEqualTo(told(b));
  }

  private static BitSet marks(Example example) {
    BitSet marks = new BitSet();
    for (int i = 0; i < example.length(); i++) {
      marks.set(i, example.trained(i));
    }
    return marks;
  }

  private static List<Object> told(Dataset d) {
    return List.of(
        d.badRows(),
        d.cutRows(),
        d.columns(),
        d.shapes(),
        d.guesses(),
        d.first(),
        d.digest(),
        d.tokens(),
        d.trainedTokens(),
        d.longest(),
        d.untrainedRows());
  }

  @Test
  void rowsAreTokenisedOnceAndThenTheSame() throws IOException {
    Dataset fresh = load(TokenCache.none());
    assertThat(fresh.badRows()).isEqualTo(6);
    assertThat(fresh.cutRows().splits()).isEqualTo(1);
    assertThat(fresh.examples().getLast().file()).isEqualTo(folder.resolve("b.jsonl"));
    same(load(kept()), fresh);
    assertThat(read).isEqualTo(308);
    assertThat(files()).hasSize(1);
    same(load(kept()), fresh);
    assertThat(read).isZero();
  }

  @Test
  void textsBehindEachOtherAreKeptAsTheyWereCut() throws IOException {
    String texts = "{\"text\": \"he ab he ab\"}\n".repeat(90);
    Files.writeString(folder.resolve("a.jsonl"), texts);
    LengthSettings behind = new LengthSettings(false, false, true);
    Dataset fresh = Dataset.load(data, behind, 100, tokenizer, null, TokenCache.none());
    assertThat(fresh.rows()).isLessThan(20);
    for (int i = 0; i < 2; i++) {
      same(Dataset.load(data, behind, 100, tokenizer, null, kept()), fresh);
    }
    assertThat(read).isZero();
  }

  @Test
  void whatChangesATokenHasAFileOfItsOwn() throws IOException {
    load(kept());
    Dataset.load(data, SPLIT, 101, tokenizer, null, kept());
    Dataset.load(data, new LengthSettings(true, false), 100, tokenizer, null, kept());
    Dataset.load(data.withPatterns("{prompt}!", null), SPLIT, 100, tokenizer, null, kept());
    assertThat(files()).hasSize(4);
    Tokenizer other = Tokenizer.load(TinyTokenizers.byteLevel(folder.resolve("other"), false));
    Dataset.load(data, SPLIT, 100, other, null, kept());
    assertThat(files()).hasSize(5);
    Path b = folder.resolve("b.jsonl");
    FileTime time = Files.getLastModifiedTime(b);
    Files.writeString(b, "{\"text\": \"eh\"}\n");
    Files.setLastModifiedTime(b, time); // size and time are as before
    assertThat(load(kept()).examples().getLast().ids())
        .isEqualTo(load(TokenCache.none()).examples().getLast().ids());
    assertThat(files()).hasSize(6);
  }

  @Test
  void heldOutRowsAndFlawsAreThoseOfRowsThatAreReadAgain() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      rows.append("{\"text\": \"he %d\", \"g\": %d}\n".formatted(i % 150, i % 20));
      rows.append(i % 60 == 7 ? "{\"text\": \"ab@cd.org %d\", \"g\": 1}\n".formatted(i) : "");
    }
    Files.writeString(folder.resolve("a.jsonl"), rows);
    Files.writeString(folder.resolve("b.jsonl"), "{\"text\": \"he\", \"g\": 3}\n");
    QualitySettings drop = new QualitySettings(List.of("duplicates,personal-data"), List.of());
    EvalSplit groups = EvalSplit.parse("0.3:g");
    for (QualitySettings quality : List.of(QualitySettings.KEEP, drop)) {
      for (EvalSplit split : List.of(groups, EvalSplit.parse("0.1"))) {
        Splits fresh = splits(quality, split, TokenCache.none());
        assertThat(fresh.flaws().count(Flaw.PERSONAL_DATA)).isEqualTo(4);
        for (boolean again : new boolean[] {false, true}) {
          Splits other = splits(quality, split, kept());
          assertThat(read == 0).isEqualTo(again);
          same(other.train(), fresh.train());
          same(requireNonNull(other.held()), requireNonNull(fresh.held()));
          assertThat(other.flaws().values()).isEqualTo(fresh.flaws().values());
          assertThat(other.train().sourceStarts()).isEqualTo(fresh.train().sourceStarts());
        }
      }
    }
    assertThat(files()).hasSize(4);
  }

  private Splits splits(QualitySettings quality, EvalSplit split, TokenCache with) {
    EvalSettings eval = new EvalSettings(null, split, null);
    Splits.Request wanted = new Splits.Request(data, eval, quality, SPLIT, 3, WantedRows.TEXTS);
    return Splits.load(wanted, 100, tokenizer, null, with);
  }

  @Test
  void conversationsAreKeptByTheDigestOfTheirTemplate() throws IOException {
    Files.writeString(
        folder.resolve("b.jsonl"),
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"he\"}]}\n");
    for (String digest : new String[] {null, "a", "b", "a"}) {
      Dataset rows = Dataset.load(data, SPLIT, 100, tokenizer, new Template(digest), kept());
      assertThat(read == 0).isEqualTo("a".equals(digest) && files().size() == 2);
      assertThat(rows.examples().getLast().weight(1)).isEqualTo(0.5);
    }
    assertThat(files()).hasSize(2);
  }

  private record Template(@Nullable String digest) implements Conversations {
    @Override
    public Sequence conversation(ArrayNode messages, @Nullable ArrayNode tools) {
      return new Sequence(
          new int[] {3, 4}, BitSet.valueOf(new long[] {2}), new double[] {0, 0.5}, 0, null);
    }

    @Override
    public Sequence answer(ArrayNode prompt, ArrayNode completion, @Nullable ArrayNode tools) {
      return conversation(prompt, tools);
    }

    @Override
    public Prompt prompt(ArrayNode messages, @Nullable ArrayNode tools) {
      return new Prompt("", new int[0]);
    }
  }

  @Test
  void aTornOrDamagedFileIsMadeAgain() throws IOException {
    Dataset fresh = load(kept());
    Path file = files().getFirst();
    byte[] good = Files.readAllBytes(file);
    List<byte[]> broken = new ArrayList<>();
    for (int length : new int[] {0, 1, 63, 64, 65, good.length / 2, good.length - 1}) {
      broken.add(Arrays.copyOf(good, length));
    }
    broken.add(Arrays.copyOf(good, good.length + 1));
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 120; i++) {
      byte[] flipped = good.clone();
      int at = i < 40 ? i : random.nextInt(64, good.length);
      flipped[at] ^= (byte) (1 << random.nextInt(8));
      broken.add(flipped);
    }
    for (byte[] bytes : broken) {
      Files.delete(file); // a map of the file that was good stays good
      Files.write(file, bytes);
      same(load(kept()), fresh);
      assertThat(read).isPositive();
      assertThat(file).hasBinaryContent(good);
    }
  }

  @Test
  void twoAtOnceDoNoHarm() throws Exception {
    Dataset fresh = load(TokenCache.none());
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<Dataset>> all = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        all.add(threads.submit(() -> load(TokenCache.in(cache).ofAll())));
      }
      for (Future<Dataset> one : all) {
        same(one.get(), fresh);
      }
    }
    assertThat(files()).hasSize(1);
  }

  @Test
  void aFolderThatCannotBeWrittenIsNoReasonToFail() throws IOException {
    cache = Files.writeString(folder.resolve("file"), "");
    same(load(kept()), load(TokenCache.none()));
  }

  @Test
  void aRefusalLeavesNothingAndSmallDataIsNotKept() throws IOException {
    data = DataSettings.of(data.data()); // bad rows refuse it
    assertThatThrownBy(() -> load(kept())).isInstanceOf(InputException.class);
    assertThat(files()).isEmpty();
    data = DataSettings.of(List.of(folder.resolve("b.jsonl").toString()));
    load(TokenCache.in(cache));
    assertThat(files()).isEmpty();
  }

  @Test
  void filesThatNobodyUsesGoAndTheOldestWhereAllAreTooLarge() throws IOException {
    Instant now = Instant.now();
    Path own = file("own.tokens", now, 31);
    file("month.tokens", now, 31);
    file("week.tokens", now, 7);
    file("day.tokens", now, 1);
    file("torn.part", now, 2);
    file("young.part", now, 0);
    Path other = file("notes.txt", now, 99);
    TokenFile.sweep(own, now, 1000);
    assertThat(names(own))
        .containsExactly("day.tokens", "notes.txt", "own.tokens", "week.tokens", "young.part");
    TokenFile.sweep(own, now, 25);
    assertThat(names(own)).containsExactly("day.tokens", "notes.txt", "own.tokens", "young.part");
    TokenFile.sweep(own, now, 1);
    assertThat(names(own)).containsExactly("notes.txt", "own.tokens", "young.part");
    assertThat(other).exists();
  }

  private Path file(String name, Instant now, int days) throws IOException {
    Files.createDirectories(cache);
    Path file = Files.writeString(cache.resolve(name), "0123456789");
    return Files.setLastModifiedTime(file, FileTime.from(now.minus(Duration.ofDays(days))));
  }

  private static List<String> names(Path file) throws IOException {
    try (Stream<Path> all = Files.list(file.getParent())) {
      return all.map(one -> one.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void anOpenedFileCountsAsUsed() throws IOException {
    load(kept());
    Path file = files().getFirst();
    Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(999_999)));
    load(kept());
    assertThat(Files.getLastModifiedTime(file).toInstant()).isAfter(Instant.now().minusSeconds(99));
  }

  @Test
  void trainedTokensAreCountedWhereverASequenceLies() {
    SplittableRandom random = new SplittableRandom(3);
    TokenTableBuilder builder = new TokenTableBuilder(null);
    List<Example> alone = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      int[] tokens = random.ints(random.nextInt(200), 0, 9).toArray();
      BitSet trained = new BitSet();
      for (int place = 1; place < tokens.length; place++) {
        trained.set(place, random.nextInt(3) > 0);
      }
      double[] weights =
          i % 3 > 0
              ? null
              : random.ints(tokens.length, 1, 4).mapToDouble(drawn -> drawn / 2.0).toArray();
      Sequence sequence = new Sequence(tokens, trained, weights, 0, null);
      SourceLine line = new SourceLine(i, folder, i + 1, "");
      Example example = new Example(sequence, line);
      for (int place = 0; place < tokens.length; place++) {
        double expected = !trained.get(place) ? 0 : weights == null ? 1 : weights[place];
        assertThat(example.weight(place)).isEqualTo(expected);
      }
      assertThat(example.trainedTokens()).isEqualTo(trained.cardinality());
      alone.add(example);
      builder.add(sequence, line);
    }
    List<Example> together = builder.table().examples();
    assertThat(together).hasSameSizeAs(alone);
    for (int i = 0; i < alone.size(); i++) {
      assertThat(together.get(i).trainedTokens()).isEqualTo(alone.get(i).trainedTokens());
      assertThat(marks(together.get(i))).isEqualTo(marks(alone.get(i)));
      assertThat(together.get(i).sameTokens(alone.get(i))).isTrue();
      assertThat(together.get(i).line()).isEqualTo(i + 1);
      for (int place = 0; place < alone.get(i).length(); place++) {
        assertThat(together.get(i).weight(place)).isEqualTo(alone.get(i).weight(place));
      }
    }
    assertThatThrownBy(() -> alone.get(7).id(alone.get(7).length()))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> together.get(400)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void rowsThatAreInOtherDataAreCountedOnce() {
    List<Example> some = new ArrayList<>();
    List<Example> others = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      // a row of two sequences, both of which are there
      some.add(new Example(new int[] {i}, new BitSet(), new SourceLine(i / 2, folder, 1, "")));
      others.add(Example.of(new int[] {i % 10}));
    }
    assertThat(SameTokens.rows(some, others)).isEqualTo(5);
    assertThat(SameTokens.rows(some, List.of())).isZero();
    assertThat(SameTokens.rows(List.of(), others)).isZero();
    // two lists with one hash
    Example one = Example.of(new int[] {0, 31});
    Example two = Example.of(new int[] {1, 0});
    assertThat(one.hash()).isEqualTo(two.hash());
    assertThat(SameTokens.rows(List.of(one), List.of(two))).isZero();
  }
}
