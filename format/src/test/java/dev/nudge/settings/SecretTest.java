package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What of a URL is shown.
class SecretTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://user:pw@host | http://***@host",
        "https://user:p@w@host:8080/a/b | https://***@host:8080/a/b",
        "http://token@host/path | http://***@host/path",
        "https://host/p?token=abc&x=1 | https://host/p?token=***&x=***",
        "https://host/p?abc | https://host/p?***",
        "https://host/p#access_token=abc | https://host/p#access_token=***",
        "https://u:pw@host/p?a=$1#b | https://***@host/p?a=***#***",
        "http:/user:pw@host/rows.jsonl | http:/***@host/rows.jsonl",
        "s3+ssh://user:pw@host?k=v; set --url | s3+ssh://***@host?k=***; set --url",
        "no answer from http://u:pw@a, then http://v:qw@b | no answer from http://***@a, then"
            + " http://***@b",
      })
  void userAndValuesAreHidden(String given, String shown) {
    assertThat(Secret.hidden(given)).isEqualTo(shown);
    assertThat(Secret.hidden(shown)).isEqualTo(shown);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "http://host/a@b/c",
        "https://host:8080/path",
        "me@host",
        "what? a=b",
        "/home/me/rows.jsonl",
        "C:\\rows?",
        "no file D:/rows.jsonl; is there another?"
      })
  void whatIsNoSecretIsShown(String text) {
    assertThat(Secret.hidden(text)).isEqualTo(text);
  }
}
