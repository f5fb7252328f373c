// SPDX-License-Identifier: Apache-2.0
#include "proxy/session/classifier.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace loadline::session {
namespace {

using namespace std::chrono_literals;
using config::Match;
using config::Policy;
using config::TenantSource;

constexpr TimePoint kStart{1h};
constexpr std::uint64_t kKey = 0x0123456789abcdef;
constexpr sql::Dialect kDialect = {.dollar_quotes = true, .nested_comments = true};

ConnectionFacts shop() {
  return {.user = "shop", .database = "orders", .application = "checkout-1", .address = {}};
}

ClientAddress ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {.is_unix = false, .size = 4, .bytes = {a, b, c, d}};
}

Classification classify(const Policy& policy, const ConnectionFacts& facts, std::string_view text,
                        TimePoint now = kStart) {
  const Classifier classifier(policy, kKey);
  Classification out;
  classifier.classify(classifier.connect(facts), sql::scan(text, kDialect), now, out);
  return out;
}
Tier tier_of(const Policy& policy, const ConnectionFacts& facts, std::string_view text) {
  return classify(policy, facts, text).profile.priority.tier();
}
std::string tenant_of(const Policy& policy, const ConnectionFacts& facts, std::string_view text) {
  return std::string(classify(policy, facts, text).tenant.view());
}

TEST(Classifier, WithoutRulesOrTagsTheDefaultsHold) {
  const Classification found = classify({}, shop(), "SELECT a FROM t");
  EXPECT_EQ(found.profile.priority.tier(), Tier::t3);
  EXPECT_EQ(found.tenant.view(), "orders");
  EXPECT_EQ(found.profile.deadline, Duration::zero());
  EXPECT_NE(found.profile.tenant, 0u);
  EXPECT_EQ(found.profile.fingerprint, sql::scan("SELECT a FROM t", kDialect).fingerprint);
}

TEST(Classifier, ThePriorityTagSetsTheTier) {
  EXPECT_EQ(tier_of({}, shop(), "SELECT a /* priority='t1' */"), Tier::t1);
  Policy policy;
  policy.tier_comment_key = "importance";
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* priority='t1', importance='t5' */"), Tier::t5);
}

TEST(Classifier, ATagThatMakesNoSenseIsAsGoodAsNone) {
  for (const char* value : {"", "t6", "high", "1", "T1", "t1 "}) {
    const std::string text = std::string("SELECT a /* priority='") + value + "' */";
    EXPECT_EQ(tier_of({.default_tier = Tier::t4}, shop(), text), Tier::t4) << value;
  }
  for (const char* value : {"", "250", "-1s", "2h", "99999999999999999999s"}) {
    const std::string text = std::string("SELECT a /* deadline='") + value + "' */";
    EXPECT_EQ(classify({}, shop(), text).profile.deadline, Duration::zero()) << value;
  }
}

TEST(Classifier, TheFirstMatchingRuleDecides) {
  Policy policy;
  policy.rules = {{.match = {.user = "nobody"}, .tier = Tier::t0},
                  {.match = {.application = "checkout*"}, .tier = Tier::t1},
                  {.match = {.database = "orders"}, .tier = Tier::t4}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a"), Tier::t1);
  ConnectionFacts other = shop();
  other.application = "report";
  EXPECT_EQ(tier_of(policy, other, "SELECT a"), Tier::t4);
}

TEST(Classifier, EveryPartOfAMatchMustFit) {
  Policy policy;
  policy.rules = {{.match = {.user = "shop", .database = "orders", .application = "checkout-?"},
                   .tier = Tier::t1}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a"), Tier::t1);
  ConnectionFacts facts = shop();
  facts.user = "shop2";
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t3);
  facts = shop();
  facts.database = "other";
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t3);
  facts = shop();
  facts.application = "checkout-12";
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t3);
}

TEST(Classifier, ARuleWithATagNeedsTheTag) {
  Policy policy;
  policy.rules = {{.match = {.comment = {{"job", "*"}}}, .tier = Tier::t5},
                  {.match = {.user = "shop"}, .tier = Tier::t2},
                  {.match = {.comment = {{"late", "*"}}}, .tier = Tier::t0}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a"), Tier::t2);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* x='y' */"), Tier::t2);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* job='' */"), Tier::t5);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* late='1' */"), Tier::t2);
}

TEST(Classifier, TagsAreMatchedDecodedAndAllOfThem) {
  Policy policy;
  policy.rules = {
      {.match = {.comment = {{"action", "/pay*"}, {"controller", "orders"}}}, .tier = Tier::t1}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /*action='%2Fpay%2Fnow',controller='orders'*/"),
            Tier::t1);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /*action='%2Fpay%2Fnow'*/"), Tier::t3);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /*action='%2Fget',controller='orders'*/"), Tier::t3);
}

TEST(Classifier, ARuleWithATagNeedsTheConnectionToFitToo) {
  Policy policy;
  policy.rules = {{.match = {.user = "batch", .comment = {{"job", "*"}}}, .tier = Tier::t5}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* job='1' */"), Tier::t3);
}

TEST(Classifier, ARulesTierBeatsTheTag) {
  Policy policy;
  policy.rules = {{.match = {.user = "shop"}, .tier = Tier::t4}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* priority='t1' */"), Tier::t4);
  policy.rules = {{.match = {.user = "shop"}, .tenant = "x"}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* priority='t1' */"), Tier::t1);
}

TEST(Classifier, NothingGetsPastTheUsersCeiling) {
  Policy policy;
  policy.ceilings = {{.user = "admin", .best = Tier::t0}, {.user = "*", .best = Tier::t2}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* priority='t0' */"), Tier::t2);
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a /* priority='t5' */"), Tier::t5);
  policy.rules = {{.match = {.application = "checkout*"}, .tier = Tier::t0}};
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a"), Tier::t2);
  policy.default_tier = Tier::t1;
  policy.rules.clear();
  EXPECT_EQ(tier_of(policy, shop(), "SELECT a"), Tier::t2);
  ConnectionFacts admin = shop();
  admin.user = "admin";
  EXPECT_EQ(tier_of(policy, admin, "SELECT a /* priority='t0' */"), Tier::t0);
}

TEST(Classifier, TheTenantComesFromTheFirstSourceThatHasOne) {
  Policy policy;
  policy.tenant_from = {{TenantSource::Kind::comment, "tenant"},
                        {TenantSource::Kind::comment, "org"},
                        {TenantSource::Kind::application, ""},
                        {TenantSource::Kind::comment, "never"},
                        {TenantSource::Kind::user, ""}};
  EXPECT_EQ(tenant_of(policy, shop(), "SELECT a /* org='o', tenant='t' */"), "t");
  EXPECT_EQ(tenant_of(policy, shop(), "SELECT a /* org='o', tenant='' */"), "o");
  EXPECT_EQ(tenant_of(policy, shop(), "SELECT a /* never='n' */"), "checkout-1");
  ConnectionFacts anonymous = shop();
  anonymous.application = "";
  EXPECT_EQ(tenant_of(policy, anonymous, "SELECT a /* never='n' */"), "n");
  EXPECT_EQ(tenant_of(policy, anonymous, "SELECT a"), "shop");
}

TEST(Classifier, TheAddressMayBeTheTenant) {
  Policy policy;
  policy.tenant_from = {{TenantSource::Kind::address, ""}};
  ConnectionFacts facts = shop();
  EXPECT_EQ(tenant_of(policy, facts, "SELECT a"), "");
  facts.address = ipv4(10, 1, 2, 3);
  EXPECT_EQ(tenant_of(policy, facts, "SELECT a"), "10.1.2.3");
  facts.address = {.size = 16, .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3}};
  EXPECT_EQ(tenant_of(policy, facts, "SELECT a"), "10.1.2.3");
  facts.address = {.size = 16, .bytes = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  EXPECT_EQ(tenant_of(policy, facts, "SELECT a"), "fd00::1");
  facts.address = {.is_unix = true};
  EXPECT_EQ(tenant_of(policy, facts, "SELECT a"), "unix");
}

TEST(Classifier, ARulesTenantBeatsEverySource) {
  Policy policy;
  policy.rules = {{.match = {.user = "shop"}, .tenant = "fixed"}};
  EXPECT_EQ(tenant_of(policy, shop(), "SELECT a /* tenant='t' */"), "fixed");
}

TEST(Classifier, OneNameIsOneTenantWhereverItCameFrom) {
  Policy by_rule;
  by_rule.rules = {{.match = {.user = "shop"}, .tenant = "orders"}};
  const auto from_rule = classify(by_rule, shop(), "SELECT a").profile.tenant;
  const auto from_tag = classify({}, shop(), "SELECT a /* tenant='orders' */").profile.tenant;
  const auto from_database = classify({}, shop(), "SELECT a").profile.tenant;
  EXPECT_EQ(from_rule, from_tag);
  EXPECT_EQ(from_tag, from_database);
  EXPECT_NE(from_tag, classify({}, shop(), "SELECT a /* tenant='x' */").profile.tenant);
}

TEST(Classifier, NoNameIsNoTenant) {
  Policy policy;
  policy.tenant_from = {};
  EXPECT_EQ(classify(policy, shop(), "SELECT a").profile.tenant, 0u);
}

TEST(Classifier, TheDeadlineComesFromTheRuleElseTheTag) {
  EXPECT_EQ(classify({}, shop(), "SELECT a /* deadline='250ms' */").profile.deadline, 250ms);
  Policy policy;
  policy.rules = {{.match = {.user = "shop"}, .deadline = 2s}};
  EXPECT_EQ(classify(policy, shop(), "SELECT a /* deadline='250ms' */").profile.deadline, 2s);
}

TEST(Classifier, AddressesMatchByPrefix) {
  Policy policy;
  policy.rules = {
      {.match = {.address = config::AddressRange{.address = {10, 1, 128, 0}, .prefix_bits = 17}},
       .tier = Tier::t1}};
  const auto tier_from = [&](const ClientAddress& address) {
    ConnectionFacts facts = shop();
    facts.address = address;
    return tier_of(policy, facts, "SELECT a");
  };
  EXPECT_EQ(tier_from(ipv4(10, 1, 128, 0)), Tier::t1);
  EXPECT_EQ(tier_from(ipv4(10, 1, 255, 255)), Tier::t1);
  EXPECT_EQ(tier_from(ipv4(10, 1, 127, 255)), Tier::t3);
  EXPECT_EQ(tier_from({.is_unix = true}), Tier::t3);
  EXPECT_EQ(tier_from({}), Tier::t3);
  EXPECT_EQ(tier_from({.size = 16, .bytes = {10, 1, 128}}), Tier::t3);
  EXPECT_EQ(
      tier_from({.size = 16, .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 128, 9}}),
      Tier::t1);
}

TEST(Classifier, UnixSocketsMatchAsSuch) {
  Policy policy;
  policy.rules = {{.match = {.address = config::AddressRange{.is_unix = true}}, .tier = Tier::t1}};
  ConnectionFacts facts = shop();
  facts.address = {.is_unix = true};
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t1);
  facts.address = ipv4(127, 0, 0, 1);
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t3);
}

TEST(Classifier, ZeroBitsAreAllAddressesOfTheFamily) {
  Policy policy;
  policy.rules = {
      {.match = {.address = config::AddressRange{.address = {0, 0, 0, 0}}}, .tier = Tier::t1}};
  ConnectionFacts facts = shop();
  facts.address = ipv4(1, 2, 3, 4);
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t1);
  facts.address = {.size = 16, .bytes = {0xfd}};
  EXPECT_EQ(tier_of(policy, facts, "SELECT a"), Tier::t3);
}

TEST(Classifier, TheKindOfStatementIsItsClass) {
  const auto class_of = [](std::string_view text) {
    return classify({}, shop(), text).profile.operation_class;
  };
  EXPECT_EQ(class_of("SELECT a"), OperationClass::read);
  EXPECT_EQ(class_of("INSERT INTO t VALUES (1)"), OperationClass::write);
  EXPECT_EQ(class_of("EXECUTE p"), OperationClass::write);
  EXPECT_EQ(class_of("VACUUM"), OperationClass::ddl);
}

TEST(Classifier, ATenantKeepsItsCohortForAnHour) {
  const auto cohort_at = [](TimePoint now) {
    return classify({}, shop(), "SELECT a", now).profile.priority.cohort();
  };
  EXPECT_EQ(cohort_at(kStart), cohort_at(kStart + 1h - 1ns));
  std::set<std::uint32_t> cohorts;
  for (int hour = 0; hour < 100; ++hour) cohorts.insert(cohort_at(kStart + hour * 1h));
  EXPECT_GT(cohorts.size(), 50u);  // 128 to choose from: about 69 are expected.
}

TEST(Classifier, TenantsSpreadOverAllCohorts) {
  std::array<int, kCohortCount> counts = {};
  const Classifier classifier(Policy{}, kKey);
  for (int i = 0; i < 12'800; ++i) {
    ConnectionFacts facts = shop();
    facts.database = "tenant-" + std::to_string(i);
    Classification out;
    classifier.classify(classifier.connect(facts), {}, kStart, out);
    ++counts[out.profile.priority.cohort()];
  }
  for (const int count : counts) EXPECT_NEAR(count, 100, 50);  // 5 standard deviations.
}

TEST(Classifier, TheKeyMovesTheCohorts) {
  std::set<std::uint32_t> cohorts;
  for (std::uint64_t key = 0; key < 20; ++key) {
    const Classifier classifier(Policy{}, key);
    Classification out;
    classifier.classify(classifier.connect(shop()), {}, kStart, out);
    cohorts.insert(out.profile.priority.cohort());
  }
  EXPECT_GT(cohorts.size(), 10u);
}

TEST(Classifier, WithoutATenantTheUserMakesTheCohort) {
  Policy policy;
  policy.tenant_from = {};
  std::set<std::uint32_t> cohorts;
  for (int i = 0; i < 20; ++i) {
    ConnectionFacts facts = shop();
    facts.user = "user-" + std::to_string(i);
    cohorts.insert(classify(policy, facts, "SELECT a").profile.priority.cohort());
  }
  EXPECT_GT(cohorts.size(), 10u);
}

// A Classification is used again and again: nothing of the last operation may stay.
TEST(Classifier, NothingIsLeftOfTheLastOperation) {
  const Classifier classifier(Policy{}, kKey);
  const ConnectionClass connection = classifier.connect(shop());
  Classification used;
  classifier.classify(
      connection,
      sql::scan("DROP TABLE a /* priority='t0', tenant='x', deadline='1s' */", kDialect), kStart,
      used);
  classifier.classify(connection, sql::scan("SELECT a", kDialect), kStart, used);
  const Classification fresh = classify({}, shop(), "SELECT a");
  EXPECT_EQ(used.profile.priority, fresh.profile.priority);
  EXPECT_EQ(used.profile.operation_class, fresh.profile.operation_class);
  EXPECT_EQ(used.profile.tenant, fresh.profile.tenant);
  EXPECT_EQ(used.profile.fingerprint, fresh.profile.fingerprint);
  EXPECT_EQ(used.profile.deadline, fresh.profile.deadline);
  EXPECT_EQ(used.tenant, fresh.tenant);
}

config::Scorecard card_each(config::Scorecard::Party::Kind kind, std::string comment_key = {}) {
  return {.each = {.kind = kind, .comment_key = std::move(comment_key)}};
}

// The keys of an operation under a policy of these scorecards.
std::vector<ScorecardKey> keys_of(const std::vector<config::Scorecard>& cards,
                                  const ConnectionFacts& facts, std::string_view text) {
  Policy policy;
  policy.scorecards = cards;
  const OperationProfile profile = classify(policy, facts, text).profile;
  return {profile.scorecards.begin(), profile.scorecards.begin() + profile.scorecard_count};
}

// The party that it counts as under one scorecard; nothing if it isn't concerned.
std::optional<std::uint64_t> party_of(const config::Scorecard& card, const ConnectionFacts& facts,
                                      std::string_view text) {
  const auto keys = keys_of({card}, facts, text);
  return keys.empty() ? std::nullopt : std::optional(keys[0].party);
}

TEST(ClassifierScorecards, WithoutAnyThereAreNoKeys) {
  EXPECT_EQ(classify({}, shop(), "SELECT a").profile.scorecard_count, 0);
}

TEST(ClassifierScorecards, AConnectionsFactsTellPartiesApart) {
  using Kind = config::Scorecard::Party::Kind;
  struct Case {
    Kind kind;
    void (*change)(ConnectionFacts&);
  };
  for (const auto& [kind, change] : {
           Case{Kind::user, [](ConnectionFacts& facts) { facts.user = "x"; }},
           Case{Kind::database, [](ConnectionFacts& facts) { facts.database = "x"; }},
           Case{Kind::application, [](ConnectionFacts& facts) { facts.application = "x"; }},
           Case{Kind::address, [](ConnectionFacts& facts) { facts.address = ipv4(1, 2, 3, 4); }},
       }) {
    const config::Scorecard card = card_each(kind);
    ConnectionFacts one = shop();
    one.address = ipv4(10, 0, 0, 1);
    // Everything else is another's, and doesn't count.
    ConnectionFacts like = {.user = "u", .database = "d", .application = "a", .address = {}};
    if (kind == Kind::user) like.user = one.user;
    if (kind == Kind::database) like.database = one.database;
    if (kind == Kind::application) like.application = one.application;
    if (kind == Kind::address) like.address = one.address;
    ConnectionFacts other = one;
    change(other);

    const auto party = party_of(card, one, "SELECT a");
    ASSERT_TRUE(party) << static_cast<int>(kind);
    EXPECT_EQ(party, party_of(card, like, "SELECT b /* tenant='t' */")) << static_cast<int>(kind);
    EXPECT_NE(party, party_of(card, other, "SELECT a")) << static_cast<int>(kind);
  }
}

TEST(ClassifierScorecards, TheTenantIsTheStatements) {
  const config::Scorecard card = card_each(config::Scorecard::Party::Kind::tenant);
  const auto by_tag = party_of(card, shop(), "SELECT a /* tenant='t' */");
  ASSERT_TRUE(by_tag);
  EXPECT_NE(by_tag, party_of(card, shop(), "SELECT a /* tenant='u' */"));
  EXPECT_EQ(by_tag, classify({}, shop(), "SELECT a /* tenant='t' */").profile.tenant);
  EXPECT_EQ(party_of(card, shop(), "SELECT a"),
            party_of(card, shop(), "SELECT a /* tenant='orders' */"));

  Policy nobody;
  nobody.tenant_from = {};
  nobody.scorecards = {card};
  EXPECT_EQ(classify(nobody, shop(), "SELECT a").profile.scorecard_count, 0);
}

TEST(ClassifierScorecards, TheFingerprintIsTheStatementsShape) {
  const config::Scorecard card = card_each(config::Scorecard::Party::Kind::fingerprint);
  const auto one = party_of(card, shop(), "SELECT a FROM t WHERE b = 1");
  ASSERT_TRUE(one);
  EXPECT_EQ(one, party_of(card, shop(), "select a from t where b = 22"));
  EXPECT_NE(one, party_of(card, shop(), "SELECT a FROM t WHERE c = 1"));
  EXPECT_EQ(party_of(card, shop(), ""), std::nullopt);  // No shape, no party.
}

TEST(ClassifierScorecards, ATagsValueIsAParty) {
  const config::Scorecard card = card_each(config::Scorecard::Party::Kind::comment, "job");
  const auto one = party_of(card, shop(), "SELECT a /* job='x y' */");
  ASSERT_TRUE(one);
  EXPECT_EQ(one, party_of(card, shop(), "SELECT b /* k='v', job='x%20y' */"));
  EXPECT_NE(one, party_of(card, shop(), "SELECT a /* job='z' */"));
  EXPECT_EQ(party_of(card, shop(), "SELECT a /* other='x y' */"), std::nullopt);
  EXPECT_EQ(party_of(card, shop(), "SELECT a"), std::nullopt);
}

TEST(ClassifierScorecards, AllIsOnePartyOfEverybody) {
  const config::Scorecard card = card_each(config::Scorecard::Party::Kind::all);
  const auto one = party_of(card, shop(), "SELECT a");
  ASSERT_TRUE(one);
  const ConnectionFacts other = {
      .user = "u", .database = "d", .application = "a", .address = ipv4(1, 2, 3, 4)};
  EXPECT_EQ(one, party_of(card, other, "DROP TABLE t /* tenant='t' */"));
}

TEST(ClassifierScorecards, WhatAConnectionDoesNotKnowIsAPartyOfItsOwn) {
  const config::Scorecard card = card_each(config::Scorecard::Party::Kind::application);
  ConnectionFacts silent = shop();
  silent.application.clear();
  const auto party = party_of(card, silent, "SELECT a");
  ASSERT_TRUE(party);
  EXPECT_NE(party, party_of(card, shop(), "SELECT a"));
}

TEST(ClassifierScorecards, OnlyWhatMatchesIsConcerned) {
  config::Scorecard card = card_each(config::Scorecard::Party::Kind::user);
  card.match = {.database = "orders", .comment = {{"job", "re*"}}};
  EXPECT_TRUE(party_of(card, shop(), "SELECT a /* job='report' */"));
  EXPECT_FALSE(party_of(card, shop(), "SELECT a /* job='import' */"));
  EXPECT_FALSE(party_of(card, shop(), "SELECT a"));
  ConnectionFacts elsewhere = shop();
  elsewhere.database = "stock";
  EXPECT_FALSE(party_of(card, elsewhere, "SELECT a /* job='report' */"));
}

TEST(ClassifierScorecards, OnlyItsClassIsConcerned) {
  config::Scorecard card = card_each(config::Scorecard::Party::Kind::user);
  card.operation_class = OperationClass::write;
  EXPECT_TRUE(party_of(card, shop(), "UPDATE t SET a = 1"));
  EXPECT_FALSE(party_of(card, shop(), "SELECT a"));
  EXPECT_FALSE(party_of(card, shop(), "DROP TABLE t"));
}

TEST(ClassifierScorecards, OnlyItsTiersAreConcerned) {
  const auto tiers_of = [](const config::Scorecard& card) {
    std::string tiers;
    for (const char tier : std::string("012345")) {
      const std::string text = std::string("SELECT a /* priority='t") + tier + "' */";
      if (party_of(card, shop(), text)) tiers += tier;
    }
    return tiers;
  };
  config::Scorecard card = card_each(config::Scorecard::Party::Kind::user);
  EXPECT_EQ(tiers_of(card), "12345");
  card.best = Tier::t2;
  card.worst = Tier::t4;
  EXPECT_EQ(tiers_of(card), "234");
  card.best = card.worst = Tier::t0;
  EXPECT_EQ(tiers_of(card), "0");
}

TEST(ClassifierScorecards, TheFirstWeightThatMatchesThePartyCounts) {
  using Kind = config::Scorecard::Party::Kind;
  const auto weight_of = [](config::Scorecard card, std::string_view text) {
    card.weights = {"gold-*", "*-trial", "gold-*"};
    card.gate.weights = {1, 4, 0.5, 9};
    const auto keys = keys_of({card}, shop(), text);
    return keys.empty() ? -1 : int{keys[0].weight};
  };
  const config::Scorecard tenant = card_each(Kind::tenant);
  EXPECT_EQ(weight_of(tenant, "SELECT a /* tenant='gold-acme' */"), 1);
  EXPECT_EQ(weight_of(tenant, "SELECT a /* tenant='acme-trial' */"), 2);
  EXPECT_EQ(weight_of(tenant, "SELECT a /* tenant='gold-trial' */"), 1);
  EXPECT_EQ(weight_of(tenant, "SELECT a /* tenant='acme' */"), 0);
  const config::Scorecard comment = card_each(Kind::comment, "job");
  EXPECT_EQ(weight_of(comment, "SELECT a /* job='nightly-trial' */"), 2);
  // By the connection's facts, too.
  config::Scorecard user = card_each(Kind::user);
  EXPECT_EQ(weight_of(user, "SELECT a"), 0);
  user.weights = {"sh?p"};
  EXPECT_EQ(int{keys_of({user}, shop(), "SELECT a")[0].weight}, 1);
}

TEST(ClassifierScorecards, AKeySaysWhichScorecardItIsOf) {
  using Kind = config::Scorecard::Party::Kind;
  const auto keys = keys_of({card_each(Kind::user), card_each(Kind::comment, "absent"),
                             card_each(Kind::all), card_each(Kind::tenant)},
                            shop(), "SELECT a");
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys[0].card, 0);
  EXPECT_EQ(keys[1].card, 2);
  EXPECT_EQ(keys[2].card, 3);
}

TEST(ClassifierScorecards, TheFirstFewThatConcernAnOperationCount) {
  using Kind = config::Scorecard::Party::Kind;
  std::vector<config::Scorecard> cards(kScorecardsMax, card_each(Kind::user));
  cards[0].operation_class = OperationClass::ddl;  // Takes none of the places.
  const auto keys = keys_of(cards, shop(), "SELECT a");
  ASSERT_EQ(keys.size(), kScorecardKeysMax);
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(keys[i].card, i + 1);
}

TEST(ClassifierScorecards, NoKeyIsLeftOfTheLastOperation) {
  Policy policy;
  policy.scorecards = {card_each(config::Scorecard::Party::Kind::comment, "job")};
  const Classifier classifier(policy, kKey);
  const ConnectionClass connection = classifier.connect(shop());
  Classification used;
  classifier.classify(connection, sql::scan("SELECT a /* job='x' */", kDialect), kStart, used);
  EXPECT_EQ(used.profile.scorecard_count, 1);
  classifier.classify(connection, sql::scan("SELECT a", kDialect), kStart, used);
  EXPECT_EQ(used.profile.scorecard_count, 0);
}

TEST(Classifier, ARulesDryRunReachesTheProfile) {
  Policy policy;
  policy.rules = {{.match = {.comment = {{"trial", "*"}}}, .dry_run = true},
                  {.match = {.user = "shop"}, .tier = Tier::t2}};
  const Classifier classifier(policy, kKey);
  const ConnectionClass connection = classifier.connect(shop());
  Classification out;
  classifier.classify(connection, sql::scan("SELECT a /* trial='1' */", kDialect), kStart, out);
  EXPECT_TRUE(out.profile.dry_run);
  // And doesn't stay for the next operation.
  classifier.classify(connection, sql::scan("SELECT a", kDialect), kStart, out);
  EXPECT_FALSE(out.profile.dry_run);
  EXPECT_FALSE(classify({}, shop(), "SELECT a").profile.dry_run);
}

}  // namespace
}  // namespace loadline::session
