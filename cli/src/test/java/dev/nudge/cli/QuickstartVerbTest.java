package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.train.QuickstartVerb;
import dev.nudge.eval.Paired;
import dev.nudge.merge.Merged;
import dev.nudge.merge.ModelDifference;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.QuickstartResult;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.world.Score;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Holds what a quickstart prints, where, and with which exit code, on numbers that are made up.
class QuickstartVerbTest {
  private static final String ANSWER =
      "team: water; urgency: high; product: Velmora 340; code: P19; reply: We look at your Velmora"
          + " 340 today, code P19. Please put a cloth below.";
  private static final Chapter.Opened OPENED =
      new Chapter.Opened("base/model", 4_820_224, 9_646_480, 4000, 256);
  private static final Chapter.Base BASE =
      new Chapter.Base(3, new Score(256, 63, 0.246, 0.197, 0.302, 225, 87, 235, 182, 77), 9.4);
  private static final Chapter.Ready READY =
      new Chapter.Ready(4000, 332_577, 500, 16, true, 448_512, 5_268_736);
  private static final Chapter.Trained TRAINED =
      new Chapter.Trained(READY, 500, 665_154, 400_000, 5.13, 0.0521, 2.4, 68.6);
  private static final Chapter.Samples SAMPLES =
      new Chapter.Samples(
          Collections.nCopies(
              3, new Chapter.Sample("The pump drips. ".repeat(9).strip(), ANSWER, ANSWER, true)),
          0.4);
  private static final Chapter.Sizes SIZES =
      new Chapter.Sizes(
          9_646_480,
          1_806_000,
          new Chapter.Need(3 << 20, 9 << 20, 85 << 20, 131 << 20, 228 << 20),
          new Chapter.Need(0, 101 << 20, 81 << 20, 131 << 20, 313 << 20),
          478.0,
          0.3);

  private static Chapter.Adapted adapted(int onlyBase, int onlyAdapter, double p) {
    Paired paired = new Paired(62, onlyBase, onlyAdapter, 6, p);
    return new Chapter.Adapted(
        new Score(256, 250, 0.977, 0.95, 0.989, 255, 254, 253, 256, 251), paired, 3.5);
  }

  private static Chapter.Merges merges(boolean accepted) {
    ModelDifference d = new ModelDifference(718, 0.081, 0.002, 3.7e-5, 12.1, 12.2);
    return new Chapter.Merges(
        new Merged(accepted, Path.of("out"), List.of(), 42, 9_640_448, d, 0.01, 1.1), 1.2);
  }

  private static Ran run(Chapter.Adapted adapted, Chapter.Merges merges, String... flags) {
    boolean passed = adapted.against().secondIsBetter() && merges.merged().accepted();
    QuickstartVerb verb =
        new QuickstartVerb(
            (_, told, _) -> {
              told.accept(OPENED);
              told.accept(new Chapter.Warned("look out"));
              told.accept(new Chapter.Begun(Chapter.Stage.BASE));
              told.accept(new Chapter.Answered(1, 256));
              told.accept(BASE);
              told.accept(new Chapter.Begun(Chapter.Stage.TRAINING));
              told.accept(READY);
              told.accept(new Chapter.Trains(new TrainEvent.Planned("lanes")));
              told.accept(new Chapter.Trains(step()));
              told.accept(TRAINED);
              told.accept(new Chapter.Begun(Chapter.Stage.ADAPTER));
              told.accept(adapted);
              told.accept(new Chapter.Begun(Chapter.Stage.SAMPLES));
              told.accept(SAMPLES);
              told.accept(new Chapter.Begun(Chapter.Stage.MERGE));
              told.accept(merges);
              told.accept(new Chapter.Begun(Chapter.Stage.SIZES));
              told.accept(SIZES);
              return new QuickstartResult(
                  OPENED, BASE, TRAINED, adapted, SAMPLES, merges, SIZES, passed, 98.2);
            });
    String[] line = new String[flags.length + 1];
    line[0] = "quickstart";
    System.arraycopy(flags, 0, line, 1, flags.length);
    return Ran.of(List.of(verb), line);
  }

  private static TrainEvent step() {
    return new TrainEvent.Step(1, 500, 5.13, 1e-3, 0.9, 1330, 800, 0.2, 6650, 300, Map.of());
  }

  @Test
  void thePageFitsAScreenAndProgressGoesElsewhere() {
    Ran ran = run(adapted(1, 188, 1e-50), merges(true));
    assertThat(ran.code()).isZero();
    assertThat(ran.out().lines().toList()).hasSizeLessThanOrEqualTo(60);
    assertThat(ran.out().lines()).allSatisfy(l -> assertThat(l.length()).isLessThanOrEqualTo(100));
    assertThat(ran.out())
        .startsWith("base/model: 4,820,224 parameters, 9.6 MB\n")
        .contains("1  The base, three solved cases in each prompt\n")
        .contains("   exact    63 of 256   24.6 %   (95 %: 19.7 % to 30.2 %)")
        .contains("   right    team 88 %   urgency 34 %   product 92 %   code 71 %   reply 30 %\n")
        .contains(
            "   adapter  rank 16, 448,512 of 5,268,736 numbers train (8.5 %); base in NF4, double")
        .contains("   loss     5.130 → 0.052; 665,154 tokens; first step done after 2.4 s")
        .contains("right where the base is wrong: 188; the reverse: 1; p = 1e-50")
        .contains(
            "   off: team: water; urgency: high; product:       on: team: water; urgency: high;")
        .contains(
            "   mean KL  3.7e-05 nats a token over 718 tokens (at most 0.01); logits within 0.081")
        .contains("   frozen weights                           3 MiB               –\n")
        .contains("./nudge train ")
        .endsWith("--keep FOLDER keeps rows, adapter and merged model.\n");
    assertThat(ran.err().lines())
        .satisfiesExactly(
            l -> assertThat(l).isEqualTo("nudge: warning: look out"),
            l -> assertThat(l).startsWith("   step 1/500  loss 5.1300"));
  }

  @Test
  void whatIsKeptIsNamed() {
    assertThat(run(adapted(1, 188, 1e-50), merges(true), "--keep", "D").out())
        .endsWith("   Kept in D: train.jsonl, test.jsonl, few-shot.jsonl, adapter/, merged/\n");
  }

  @Test
  void jsonIsOneObjectAndQuietMeansWarningsOnly() {
    Ran ran = run(adapted(1, 188, 1e-50), merges(true), "--json", "-q");
    assertThat(ran.err()).isEqualTo("nudge: warning: look out\n");
    assertThat(ran.out())
        .hasLineCount(1)
        .startsWith("{\"model\":{\"model\":\"base/model\",\"parameters\":4820224,")
        .contains("\"base\":{\"shots\":3,\"score\":{\"rows\":256,\"exact\":63,\"share\":0.246,")
        .contains("\"first_step_seconds\":2.4")
        .contains("\"against\":{\"both\":62,\"only_first\":1,\"only_second\":188,\"neither\":6,")
        .contains(
            "\"merge\":{\"accepted\":true,\"bytes\":9640448,\"tokens\":718,\"kl\":3.7E-5,\"tolerance\":0.01,\"max_logit_difference\":0.081,\"perplexity\":12.1,\"merged_perplexity\":12.2,\"seconds\":1.2}")
        .contains("\"peak_mb\":478.0")
        .endsWith("\"passed\":true,\"seconds\":98.2}\n");
  }

  @Test
  void anAdapterThatIsNotBetterOrAMergeThatIsAnotherModelIsExitCodeThree() {
    Ran same = run(adapted(4, 6, 0.754), merges(true));
    assertThat(same.code()).isEqualTo(3);
    assertThat(same.err())
        .endsWith(
            "nudge: the adapter is not better than the base: it alone is right in 6 cases, the base"
                + " alone in 4, p = 0.754\n");
    Ran other = run(adapted(1, 188, 0), merges(false));
    assertThat(other.code()).isEqualTo(3);
    assertThat(other.out()).contains("p < 1e-300");
    assertThat(other.err())
        .endsWith(
            "nudge: the merged weights are 3.7e-05 nats a token (mean KL) from base + adapter,"
                + " above 0.01\n");
  }
}
