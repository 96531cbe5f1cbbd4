package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.adapters.ReleaseVerb;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.eval.release.Release;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReleaseVerbTest {
  private static Ran run(Release.@Nullable Outcome outcome, String... more) {
    ReleaseVerb verb = new ReleaseVerb((_, _, _, _) -> outcome);
    String[] line = {"release", "--model", "m", "--adapter", "a", "--data", "d", "--out", "o"};
    String[] all = new String[line.length + more.length];
    System.arraycopy(line, 0, all, 0, line.length);
    System.arraycopy(more, 0, all, line.length, more.length);
    return Ran.of(List.of(verb), all);
  }

  @ParameterizedTest
  @CsvSource({"PASS, 0, it is so", "FAIL, 3, nudge: it is so", "INCONCLUSIVE, 4, nudge: it is so"})
  void theExitCodeIsThatOfAGate(Verdict verdict, int code, String line) {
    Release.Outcome outcome =
        new Release.Outcome(verdict, "it is so", Map.of("verdict", verdict.word()));
    Ran ran = run(outcome);
    assertThat(ran.code()).isEqualTo(code);
    assertThat(ran.err()).isEqualTo(line + "\n");
    assertThat(run(outcome, "--json").out())
        .isEqualTo("{\"verdict\":\"" + verdict.word() + "\"}\n");
  }

  @Test
  void whatIsWrongIsOneLine() {
    Ran ran = run(null, "--to", "gguf9");
    assertThat(ran.code()).isEqualTo(2);
    assertThat(ran.err())
        .startsWith("nudge: --to is 'gguf9'; it must be one of dense, nf4, gptq, awq, gguf:f32, ")
        .hasLineCount(1);
  }
}
