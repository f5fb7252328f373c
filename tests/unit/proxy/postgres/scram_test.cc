// SPDX-License-Identifier: Apache-2.0
#include "proxy/postgres/scram.h"

#include <gtest/gtest.h>

#include "proxy/postgres/md5_password.h"

namespace loadline::postgres {
namespace {

// RFC 7677, section 3.
constexpr std::string_view kNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramClient rfc_client(ScramKeyMemo& memo) {
  return ScramClient({.user = "user", .password = "pencil", .nonce = kNonce}, memo);
}

TEST(ScramClient, SpeaksTheExampleOfTheRfc) {
  ScramKeyMemo memo;
  ScramClient client = rfc_client(memo);
  EXPECT_EQ(client.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto final = client.final_message(kServerFirst);
  ASSERT_TRUE(final) << final.error();
  EXPECT_EQ(*final,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(client.verify(kServerFinal));
}

TEST(ScramClient, ComputesTheKeyOnceForTheSameSalt) {
  ScramKeyMemo memo;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(rfc_client(memo).final_message(kServerFirst));
  EXPECT_EQ(memo.computed(), 1u);
  ASSERT_TRUE(rfc_client(memo).final_message("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096"));
  EXPECT_EQ(memo.computed(), 2u);
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowThePassword) {
  ScramKeyMemo memo;
  ScramClient client = rfc_client(memo);
  ASSERT_TRUE(client.final_message(kServerFirst));
  EXPECT_FALSE(client.verify("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  EXPECT_FALSE(client.verify("v=AAAA"));
  EXPECT_FALSE(client.verify(""));
}

TEST(ScramClient, TellsTheServersOwnRefusal) {
  ScramKeyMemo memo;
  ScramClient client = rfc_client(memo);
  ASSERT_TRUE(client.final_message(kServerFirst));
  const auto verified = client.verify("e=invalid-proof");
  ASSERT_FALSE(verified);
  EXPECT_NE(verified.error().find("invalid-proof"), std::string::npos);
}

TEST(ScramClient, RefusesASignatureBeforeItsTurn) {
  ScramKeyMemo memo;
  EXPECT_FALSE(rfc_client(memo).verify(kServerFinal));
}

TEST(ScramClient, RefusesBadFirstMessagesOfTheServer) {
  for (const std::string_view bad : {
           "",
           "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",                 // Another's nonce.
           "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",  // Nothing added to ours.
           "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096",
           "r=rOprNGfwEbeRWgbNEkqOx,s=W2!,i=4096",
           "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA",
           "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0",
           "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4096x",
           "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=10000001",
           "m=ext,r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=1",
       }) {
    ScramKeyMemo memo;
    EXPECT_FALSE(rfc_client(memo).final_message(bad)) << bad;
  }
}

TEST(ScramClient, EscapesTheName) {
  ScramKeyMemo memo;
  const ScramClient client({.user = "a,b=c", .password = "x", .nonce = "n"}, memo);
  EXPECT_EQ(client.first_message(), "n,,n=a=2Cb=3Dc,r=n");
}

TEST(Base64, DecodesWhatItEncodes) {
  for (const std::string_view text : {"f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(parse_base64(to_base64(text)), text);
  }
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(parse_base64("Zm9"), "");
  EXPECT_EQ(parse_base64("Zm9?"), "");
}

// Expected value: printf '%s' "$(printf '%s' secretalice | md5sum | cut -c-32)" and the bytes 1 2 3
// 4 behind it, through md5sum.
TEST(Md5Password, HashesPasswordUserAndSalt) {
  EXPECT_EQ(md5_password({.user = "alice",
                          .password = "secret",
                          .salt = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}}),
            "md598a0412b9c31436fc53776e863350083");
}

}  // namespace
}  // namespace loadline::postgres
