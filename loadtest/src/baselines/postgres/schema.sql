-- The classic relational design: the quota of a coupon type in one row that every claim updates, a row for every draw with the key
-- that keeps a user to one, a row for every coupon.
CREATE TABLE campaign_coupon_types (
    id bigint PRIMARY KEY,
    campaign_id bigint NOT NULL,
    name text NOT NULL,
    current_quota bigint NOT NULL CHECK (current_quota >= 0),
    daily_quota bigint NOT NULL,
    current_daily_quota bigint NOT NULL CHECK (current_daily_quota >= 0),
    last_drawn_date date NOT NULL
) WITH (fillfactor = 50); -- room beside the hot row, so that its versions stay on one page

CREATE TABLE draws (
    campaign_id bigint NOT NULL,
    user_id bigint NOT NULL,
    drawn_on date NOT NULL,
    PRIMARY KEY (campaign_id, user_id)
);

CREATE TABLE coupons (
    code text PRIMARY KEY,
    campaign_id bigint NOT NULL,
    coupon_type_id bigint NOT NULL REFERENCES campaign_coupon_types (id),
    user_id bigint NOT NULL,
    drawn_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, user_id)
);
