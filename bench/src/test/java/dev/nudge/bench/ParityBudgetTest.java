package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParityBudgetTest {
  @TempDir Path folder;

  @Test
  void whatHasAFileIsNotDoneAgain() {
    ParityResults results = ParityResults.read(folder);
    ParityPart first = ParityPart.all().getFirst();
    assertThat(results.missing().getFirst()).isEqualTo(first);
    results.put(first, ParityFiles.run(first, 3));
    ParityResults again = ParityResults.read(folder);
    assertThat(again.done()).containsExactly(first);
    assertThat(again.missing()).hasSize(ParityPart.all().size() - 1).doesNotContain(first);
    assertThat(again.of(first)).isEqualTo(results.of(first));
  }

  @Test
  void aFileIsSmall() throws Exception {
    ParityResults results = ParityResults.read(folder);
    ParityPart part = ParityFiles.part("finance-lora-0");
    results.put(part, ParityFiles.run(part, ParityFiles.digits(100, 400)));
    assertThat(Files.size(folder.resolve("finance-lora-0.json"))).isLessThan(3000);
  }

  @Test
  void theRateIsThatOfTheLowestHeldOutLossOnceAllPilotsAreThere() {
    ParityResults results = ParityResults.read(folder);
    ParityPart run = ParityFiles.part("finance-lora-0");
    double[] losses = {0.9, 0.4, 0.7, 0.8};
    var pilots = ParityPart.pilots(run.domain(), run.method());
    for (int i = 0; i < 4; i++) {
      assertThat(results.best(run.domain(), run.method())).isEmpty();
      results.put(pilots.get(i), ParityFiles.pilot(pilots.get(i), losses[i]));
    }
    assertThat(results.best(run.domain(), run.method()).orElseThrow().rate()).isEqualTo(1e-3);
    assertThat(results.best(run.domain(), ParityMethod.R8).orElseThrow().rate()).isEqualTo(1e-3);
    assertThat(results.best(run.domain(), ParityMethod.QLORA)).isEmpty();
  }

  @Test
  void aPilotThatDivergedIsNotTaken() {
    ParityResults results = ParityResults.read(folder);
    var pilots = ParityPart.pilots(ParityFiles.part("finance-full-0").domain(), ParityMethod.FULL);
    results.put(pilots.get(0), ParityFiles.pilot(pilots.get(0), 2));
    results.put(pilots.get(1), ParityFiles.pilot(pilots.get(1), 3));
    results.put(pilots.get(2), ParityFiles.diverged(pilots.get(2)));
    results.put(pilots.get(3), ParityFiles.diverged(pilots.get(3)));
    assertThat(results.best(pilots.get(0).domain(), ParityMethod.FULL).orElseThrow().rate())
        .isEqualTo(3e-5);
  }

  @Test
  void pilotsOfOtherRowsChooseNoRate() {
    ParityResults results = ParityResults.read(folder);
    var pilots = ParityPart.pilots(ParityFiles.part("finance-full-0").domain(), ParityMethod.FULL);
    for (ParityPart pilot : pilots) {
      var values = ParityFiles.pilot(pilot, 1);
      values.put("digests", Map.of("pilot", "a", "held", pilot.rate() > 1e-4 ? "b" : "c"));
      results.put(pilot, values);
    }
    assertThatThrownBy(() -> results.best(pilots.getFirst().domain(), ParityMethod.FULL))
        .hasMessage(
            "finance-pilot-full-3e-5 and finance-pilot-full-3e-4 have other rows (digest held):"
                + " remove the file of one and do it again");
  }

  @Test
  void pilotsThatAllDivergedChooseNoRate() {
    ParityResults results = ParityResults.read(folder);
    var pilots = ParityPart.pilots(ParityFiles.part("finance-full-0").domain(), ParityMethod.FULL);
    for (ParityPart pilot : pilots) {
      results.put(pilot, ParityFiles.diverged(pilot));
    }
    assertThat(results.best(pilots.getFirst().domain(), ParityMethod.FULL)).isEmpty();
  }

  @Test
  void aPartIsExpectedToTakeWhatItsLikeTook() {
    ParityResults results = ParityResults.read(folder);
    ParityBudget budget = new ParityBudget(results, 1000, 6 * 3600);
    ParityPart part = ParityFiles.part("finance-lora-1");
    assertThat(budget.expected(part)).isEqualTo(360);
    ParityPart done = ParityFiles.part("finance-lora-0");
    results.put(done, ParityFiles.run(done, 1)); // 240 s
    assertThat(budget.expected(part)).isCloseTo(264, within(1e-9));
    assertThat(budget.expected(ParityFiles.part("legal-full-0"))).isCloseTo(264, within(1e-9));
    assertThat(budget.allows(part, 700)).isTrue();
    assertThat(budget.allows(part, 740)).isFalse();
    assertThat(budget.exceeds(part)).isFalse();
  }

  @Test
  void theSecondRoundHasAnEndInProcessorTime() {
    ParityResults results = ParityResults.read(folder);
    ParityPart first = ParityFiles.part("finance-full-0");
    results.put(first, ParityFiles.run(first, 1));
    ParityPart done = ParityFiles.part("finance-lora-0");
    var values = ParityFiles.run(done, 1);
    values.put("seconds", 9000.0); // of a machine that was not quiet
    values.put("processor_seconds", 480.0);
    results.put(done, values);
    ParityPart next = ParityFiles.part("finance-lora-1");
    assertThat(new ParityBudget(results, 1000, 500).exceeds(next)).isTrue();
    assertThat(new ParityBudget(results, 1000, 500).allows(next, 0)).isFalse();
    assertThat(new ParityBudget(results, 1000, 510).allows(next, 0)).isTrue();
  }

  @Test
  void theHoursOfWhatGaveWayCountToo() {
    ParityResults results = ParityResults.read(folder);
    ParityPart part = ParityFiles.part("finance-lora-0");
    results.put(part, ParityFiles.run(part, 1)); // of the first round: no processor seconds
    Map<String, Object> values = ParityFiles.run(part, 1);
    values.put("processor_seconds", 480.0);
    results.put(part, values);
    assertThat(results.of(part).has("earlier_processor_seconds")).isFalse();
    results.put(part, values);
    values.put("processor_seconds", 500.0);
    values.put("earlier_processor_seconds", 40.0); // of a call that was cut
    results.put(part, values);
    for (ParityResults each : List.of(results, ParityResults.read(folder))) {
      assertThat(each.seconds(true)).isCloseTo((480 + 480 + 500 + 40) / 2.0, within(1e-9));
      assertThat(each.seconds(part)).isCloseTo(250, within(1e-9));
      assertThat(each.seconds(false)).isZero();
      assertThat(new ParityBudget(each, 1000, 1000).exceeds(part)).isTrue();
    }
  }

  @Test
  void aRunWhoseRateAPilotChangesInTheSameCallIsDoneAtItsTurn() throws Exception {
    ParityResults results = ParityResults.read(folder);
    List<ParityPart> runs = ParityFiles.runsOf("medical", ParityMethod.LORA);
    for (ParityPart pilot : ParityPart.pilots(runs.getFirst().domain(), ParityMethod.LORA)) {
      if (pilot.rate() < 1e-2) {
        results.put(pilot, ParityFiles.pilot(pilot, 1 + pilot.rate()));
      }
    }
    runs.forEach(p -> results.put(p, trained(p, 3e-4, 3)));
    assertThat(results.missing()).doesNotContainAnyElementsOf(runs);
    List<ParityPart> done = new ArrayList<>();
    new Parity(
            results,
            (part, choice) -> {
              done.add(part);
              return part.isTrial()
                  ? ParityFiles.pilot(part, 0.5)
                  : trained(part, choice.rate(), 3);
            },
            folder.resolve("parity.md"))
        .parts(List.of("medical-pilot-lora-1e-2", "medical-r8-0", "medical-lora-0"), 1e6);
    assertThat(done)
        .extracting(ParityPart::name)
        .containsExactly("medical-pilot-lora-1e-2", "medical-lora-0", "medical-r8-0");
    assertThat(results.of(runs.getFirst()).path("rate").asDouble()).isEqualTo(1e-2);
    assertThat(results.isMissing(runs.getFirst())).isFalse();
    assertThat(results.isMissing(runs.get(1))).isTrue();
  }

  @Test
  void aRunOfOtherSettingsThanTheBestIsDoneAnewAndCountsUntilThen() {
    ParityResults results = ParityResults.read(folder);
    List<ParityPart> runs = ParityFiles.runsOf("support", ParityMethod.LORA);
    ParityDomain support = runs.getFirst().domain();
    for (ParityPart pilot : ParityPart.pilots(support, ParityMethod.LORA)) {
      results.put(pilot, ParityFiles.pilot(pilot, pilot.rate() == 3e-3 ? 1 : 2));
    }
    runs.subList(0, 3).forEach(p -> results.put(p, trained(p, 1e-3, 3)));
    assertThat(results.missing()).containsAll(runs);
    assertThat(results.runs(support, ParityMethod.LORA)).isEqualTo(runs.subList(0, 3));
    results.put(runs.get(1), trained(runs.get(1), 3e-3, 3));
    assertThat(results.missing()).contains(runs.get(0)).doesNotContain(runs.get(1));
    assertThat(results.runs(support, ParityMethod.LORA)).containsExactly(runs.get(1));
    // finance finds the epochs for support
    List<ParityPart> loops = ParityPart.loops(support, ParityMethod.LORA);
    assertThat(loops).allSatisfy(p -> assertThat(p.domain().name()).isEqualTo("finance"));
    for (ParityPart loop : loops) {
      assertThat(results.isOld(runs.get(1))).isFalse();
      double loss = loop.loop() == ParityLoop.LONGER ? 1 : 2;
      results.put(loop, ParityFiles.loop(loop, loss, 0.5));
    }
    assertThat(results.isOld(runs.get(1))).isTrue();
    results.put(runs.get(1), trained(runs.get(1), 3e-3, 6));
    assertThat(results.isOld(runs.get(1))).isFalse();
  }

  @Test
  void aLoopIsTakenOnlyIfItsLossIsShownToBeLower() {
    ParityResults results = ParityResults.read(folder);
    ParityDomain finance = ParityFiles.part("finance-lora-0").domain();
    List<ParityPart> loops = ParityPart.loops(finance, ParityMethod.LORA);
    loops.forEach(loop -> results.put(loop, ParityFiles.pilot(loop, 2)));
    ParityPart plan = loops.getFirst();
    ParityPart longer = loops.get(2);
    assertThat(results.missing()).contains(plan).doesNotContain(loops.get(1), longer, loops.get(3));
    results.put(longer, ParityFiles.pilot(longer, 1.9));
    assertThat(results.missing()).contains(plan, longer); // lower, and nobody knows by which rows
    assertThat(results.loop(finance, ParityMethod.LORA)).isEqualTo(ParityLoop.PLAN);
    results.put(plan, ParityFiles.loop(plan, 2, 0.5));
    results.put(longer, ParityFiles.loop(longer, 1.9, -0.5)); // rows differ by 0.9 or −1.1
    assertThat(results.missing()).doesNotContain(plan, longer);
    assertThat(results.abovePlan(longer).orElseThrow().value()).isCloseTo(-0.1, within(1e-9));
    assertThat(results.loop(finance, ParityMethod.LORA)).isEqualTo(ParityLoop.PLAN);
    results.put(longer, ParityFiles.loop(longer, 1.9, 0.5)); // each row is lower by 0.1
    assertThat(results.loop(finance, ParityMethod.LORA)).isEqualTo(ParityLoop.LONGER);
  }

  private static Map<String, Object> trained(ParityPart part, double rate, int epochs) {
    Map<String, Object> values = ParityFiles.run(part, 100);
    values.put("rate", rate);
    values.put("epochs", epochs);
    return values;
  }
}
