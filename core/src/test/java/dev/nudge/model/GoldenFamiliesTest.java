package dev.nudge.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.model.family.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class GoldenFamiliesTest {
  @Test
  void theChosenOnesShowEveryMechanismOfAllAndAreFew() throws IOException {
    List<Path> chosen = GoldenFamilies.mechanisms();
    assertThat(shown(chosen)).isEqualTo(shown(GoldenFamilies.models())).hasSizeGreaterThan(35);
    assertThat(chosen).hasSizeLessThan(GoldenFamilies.models().size() / 2).doesNotHaveDuplicates();
  }

  private static Set<String> shown(List<Path> folders) {
    Set<String> all = new TreeSet<>();
    folders.forEach(f -> all.addAll(GoldenFamilies.mechanisms(ModelConfig.load(f))));
    return all;
  }
}
