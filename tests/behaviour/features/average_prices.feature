Feature: Average price per day on a route
  A freight buyer wants to see how the price of a route moves, day by day,
  and does not want to be misled by days with too few prices.

  Background:
    Given the prices
      | origin | destination | day        | prices           |
      | CNGGZ  | EETLL       | 2021-01-31 | 1100, 1163, 1200 |
      | CNGGZ  | EETLL       | 2021-01-30 | 1000, 2000       |
      | CNGGZ  | EETLL       | 2021-01-29 | 900              |
      | CNGGZ  | EETLL       | 2021-01-27 | 1, 2, 3, 4       |
      | CNGGZ  | FIHEL       | 2021-01-28 | 7, 7, 7          |
      | EETLL  | CNGGZ       | 2021-01-28 | 8, 8, 8          |
    And the service runs

  Scenario: Every day of the range is there, newest first
    When I ask for the rates from CNGGZ to EETLL between 2021-01-27 and 2021-01-31
    Then the answer is 200
    And the rates are
      | day        | count | price              |
      | 2021-01-31 | 3     | 1154.3333333333333 |
      | 2021-01-30 | 2     | null               |
      | 2021-01-29 | 1     | null               |
      | 2021-01-28 | null  | null               |
      | 2021-01-27 | 4     | 2.5                |

  Scenario: One day is a range
    When I ask for the rates from CNGGZ to EETLL between 2021-01-31 and 2021-01-31
    Then the answer is 200
    And the rates are
      | day        | count | price              |
      | 2021-01-31 | 3     | 1154.3333333333333 |

  Scenario: The way back is another route
    When I ask for the rates from EETLL to CNGGZ between 2021-01-28 and 2021-01-28
    Then the rates are
      | day        | count | price |
      | 2021-01-28 | 3     | 8     |

  Scenario: A leap year has its day
    When I ask for the rates from CNGGZ to EETLL between 2016-02-28 and 2016-03-01
    Then the rates are
      | day        | count | price |
      | 2016-03-01 | null  | null  |
      | 2016-02-29 | null  | null  |
      | 2016-02-28 | null  | null  |

  Scenario: A range that ends before it begins has no days
    When I ask for the rates from CNGGZ to EETLL between 2021-01-31 and 2021-01-01
    Then the answer is 200
    And there are no rates

  Scenario: A new price is seen at once
    When I ask for the rates from CNGGZ to EETLL between 2021-01-30 and 2021-01-30
    And the price 1500 is added from CNGGZ to EETLL on 2021-01-30
    And I ask for the rates from CNGGZ to EETLL between 2021-01-30 and 2021-01-30
    Then the rates are
      | day        | count | price |
      | 2021-01-30 | 3     | 1500  |
