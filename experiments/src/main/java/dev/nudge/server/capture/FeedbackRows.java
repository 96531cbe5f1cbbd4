package dev.nudge.server.capture;

import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.format.LinesFile;
import dev.nudge.format.OutFolder;
import dev.nudge.server.capture.Opinions.Choice;
import dev.nudge.server.capture.Opinions.ChoiceFeedback;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Converts user feedback on captured answers to rows for `train`.
///
/// - A score above ½ means a good answer, below ½ a bad one; a correction is a good answer. Each is
///   a row of `kto.jsonl` (`prompt`, `completion`, `label`). `sft.jsonl` has only good answers.
/// - `dpo.jsonl` has pairs (`prompt`, `chosen`, `rejected`): a correction is preferred to the
///   answer, a regenerated answer to the one it replaced, and of a client's two answers to one
///   prompt the liked to the disliked one.
///
/// Rows of chats have lists of messages, with their tools; rows of completions have texts. Later
/// feedback on an answer replaces earlier feedback. Feedback that makes no row is counted by its
/// reason ([Drop]).
public final class FeedbackRows {
  /// Name of the file with rated answers.
  public static final String KTO = "kto.jsonl";

  /// Name of the file with pairs.
  public static final String DPO = "dpo.jsonl";

  /// Name of the file with only good answers.
  public static final String SFT = "sft.jsonl";

  private static final List<String> FILES = List.of(KTO, DPO, SFT);

  private final Opinions opinions;
  private final Map<Drop, Integer> dropped = new EnumMap<>(Drop.class);
  private final List<Rated> rated = new ArrayList<>();
  private final List<Pair> pairs = new ArrayList<>();

  /// The reason why feedback makes no row.
  public enum Drop {
    NO_ANSWER("no answer is kept"),
    NO_PROMPT("no prompt"),
    EMPTY("the answer is empty"),
    CUT("a good answer that was cut at its limit"),
    NEITHER("a score of 0.5"),
    EQUAL("both answers of the pair are equal"),
    OTHER_PROMPT("regeneration of an answer to another prompt"),
    CONFLICT("users or ratings contradict each other");

    private final String words;

    Drop(String words) {
      this.words = words;
    }

    /// Returns the reason as text.
    public String words() {
      return words;
    }
  }

  /// The source of a pair.
  public enum Source {
    CORRECTION,
    REGENERATION,
    RATINGS
  }

  /// Counts of what was read and written.
  ///
  /// @param answers captured answers of the selected clients and adapters
  /// @param opinions choices of answers with feedback
  /// @param liked good answers, corrections included
  /// @param torn lines that a crash truncated
  public record Written(
      int answers,
      int opinions,
      int liked,
      int disliked,
      Map<Source, Integer> pairs,
      Map<Drop, Integer> dropped,
      int torn) {
    /// Returns the number of pairs.
    public int pairCount() {
      return pairs.values().stream().mapToInt(Integer::intValue).sum();
    }

    /// Returns the reasons with their counts, as text; empty if nothing was dropped.
    public String droppedWords() {
      return dropped.entrySet().stream()
          .map(e -> e.getValue() + " " + e.getKey().words())
          .collect(Collectors.joining("; "));
    }
  }

  private record Rated(CapturedChoice answer, boolean good) {}

  private record Pair(CapturedChoice chosen, CapturedChoice rejected, Source source) {
    String key() {
      return chosen.key() + " > " + rejected.key();
    }

    String reversed() {
      return rejected.key() + " > " + chosen.key();
    }
  }

  private FeedbackRows(Opinions opinions) {
    this.opinions = opinions;
  }

  /// Writes the files that have rows.
  ///
  /// @throws InputException if no row can be made, or a file exists already
  /// @throws dev.nudge.settings.RunException if writing fails
  public static Written write(FeedbackSettings settings) {
    Path out = settings.out();
    OutFolder.checkPlace(out);
    LinesFile.checkFree(settings.out(), FILES, settings.overwrite());
    FeedbackRows rows = new FeedbackRows(Opinions.read(settings));
    rows.judge();
    Written written = rows.written();
    if (rows.rated.isEmpty() && rows.pairs.isEmpty()) {
      String dropped = written.droppedWords();
      throw new InputException(
          "%s has %s and %s, of which no row can be made%s"
              .formatted(
                  settings.folder(),
                  Count.of(written.answers(), "answer"),
                  Count.of(written.opinions(), "opinion"),
                  dropped.isEmpty()
                      ? "; users rate answers by POST /v1/feedback"
                      : ": " + dropped));
    }
    try (Claim _ = Claim.in(out);
        LinesFile kto = file(out.resolve(KTO));
        LinesFile sft = file(out.resolve(SFT));
        LinesFile dpo = file(out.resolve(DPO))) {
      complete(kto, rows.rated.stream().map(r -> r.answer.labelled(r.good)));
      complete(sft, rows.rated.stream().filter(Rated::good).map(r -> r.answer.said()));
      complete(dpo, rows.pairs.stream().map(p -> p.chosen.over(p.rejected)));
      place(kto, !rows.rated.isEmpty());
      place(sft, written.liked() > 0);
      place(dpo, !rows.pairs.isEmpty());
    }
    return written;
  }

  private static LinesFile file(Path file) {
    LinesFile lines = LinesFile.create(file);
    CaptureFiles.hide(LinesFile.beside(file));
    return lines;
  }

  private static void complete(LinesFile file, Stream<ObjectNode> rows) {
    rows.forEach(row -> file.add(Json.line(row)));
    file.complete();
  }

  private static void place(LinesFile file, boolean hasRows) {
    if (hasRows) {
      file.place();
    } else {
      file.removeOld(); // written from earlier feedback
    }
  }

  /// Makes rows; drops answers that are both liked and disliked, and pairs that also occur
  /// reversed.
  private void judge() {
    opinions.said().forEach(this::judge);
    Set<String> liked = keys(true);
    liked.retainAll(keys(false));
    drop(Drop.CONFLICT, remove(rated, one -> liked.contains(one.answer.key())));
    addRatedPairs();
    Set<String> known = pairs.stream().map(Pair::key).collect(Collectors.toSet());
    drop(Drop.CONFLICT, remove(pairs, one -> known.contains(one.reversed())));
  }

  private void judge(Choice choice, ChoiceFeedback said) {
    CapturedChoice answer = CapturedChoice.of(opinions.answers().get(choice.id()), choice.index());
    Drop why = answer == null ? Drop.NO_ANSWER : answer.useless();
    if (answer == null || why != null) {
      drop(why == null ? Drop.NO_ANSWER : why, 1);
      return;
    }
    rate(answer, said);
    if (said.correction() != null) {
      correct(answer, answer.corrected(said.correction()));
    }
    if (said.regenerationOf() != null) {
      replace(answer, said, said.regenerationOf());
    }
  }

  private void rate(CapturedChoice answer, ChoiceFeedback said) {
    Double score = said.score();
    if (score == null) {
      return;
    }
    if (score == 0.5) {
      drop(Drop.NEITHER, 1);
    } else if (score > 0.5 && answer.cut()) {
      drop(Drop.CUT, 1);
    } else {
      rated.add(new Rated(answer, score > 0.5));
    }
  }

  private void correct(CapturedChoice answer, CapturedChoice better) {
    Drop why = better.useless();
    if (why != null) {
      drop(why, 1);
    } else if (better.key().equals(answer.key())) {
      drop(Drop.EQUAL, 1);
    } else {
      pairs.add(new Pair(better, answer, Source.CORRECTION));
      rated.add(new Rated(better, true));
    }
  }

  private void replace(CapturedChoice answer, ChoiceFeedback said, String id) {
    CapturedChoice earlier = CapturedChoice.of(opinions.answers().get(id), 0);
    if (earlier == null || earlier.useless() != null) {
      drop(earlier == null ? Drop.NO_ANSWER : Drop.EMPTY, 1);
      return;
    }
    double before = score(opinions.said().get(new Choice(id, 0)), 0); // regenerated, so not liked
    double now = score(said, 1);
    if (!earlier.prompt().equals(answer.prompt())) {
      drop(Drop.OTHER_PROMPT, 1);
    } else if (now <= before) {
      drop(Drop.CONFLICT, 1);
    } else if (answer.cut()) {
      drop(Drop.CUT, 1);
    } else if (answer.key().equals(earlier.key())) {
      drop(Drop.EQUAL, 1);
    } else {
      pairs.add(new Pair(answer, earlier, Source.REGENERATION));
    }
  }

  private static double score(@Nullable ChoiceFeedback said, double otherwise) {
    Double score = said == null ? null : said.score();
    return score == null ? otherwise : score;
  }

  /// Pairs a client's liked and disliked answers to each prompt, each pair once.
  private void addRatedPairs() {
    Set<String> known = pairs.stream().map(Pair::key).collect(Collectors.toSet());
    Map<String, List<Rated>> byPrompt = new LinkedHashMap<>();
    for (Rated one : rated) {
      byPrompt
          .computeIfAbsent(one.answer.client() + " " + one.answer.prompt(), _ -> new ArrayList<>())
          .add(one);
    }
    for (List<Rated> all : byPrompt.values()) {
      List<CapturedChoice> good = answers(all, true);
      List<CapturedChoice> bad = answers(all, false);
      for (int i = 0; i < Math.min(good.size(), bad.size()); i++) {
        Pair pair = new Pair(good.get(i), bad.get(i), Source.RATINGS);
        if (known.add(pair.key())) {
          pairs.add(pair);
        }
      }
    }
  }

  private static List<CapturedChoice> answers(List<Rated> all, boolean good) {
    Map<String, CapturedChoice> distinct = new LinkedHashMap<>();
    all.stream()
        .filter(one -> one.good == good)
        .forEach(one -> distinct.putIfAbsent(one.answer.key(), one.answer));
    return List.copyOf(distinct.values());
  }

  private Set<String> keys(boolean good) {
    Set<String> keys = new HashSet<>();
    rated.stream().filter(one -> one.good == good).forEach(one -> keys.add(one.answer.key()));
    return keys;
  }

  private static <T> int remove(List<T> all, Predicate<T> which) {
    int before = all.size();
    all.removeIf(which);
    return before - all.size();
  }

  private void drop(Drop why, int times) {
    if (times > 0) {
      dropped.merge(why, times, Integer::sum);
    }
  }

  private Written written() {
    Map<Source, Integer> sources = new EnumMap<>(Source.class);
    pairs.forEach(pair -> sources.merge(pair.source, 1, Integer::sum));
    int liked = (int) rated.stream().filter(Rated::good).count();
    return new Written(
        opinions.captured(),
        opinions.said().size(),
        liked,
        rated.size() - liked,
        sources,
        dropped,
        opinions.torn());
  }
}
