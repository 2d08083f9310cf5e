//! The vocabulary of audit events: operation, kind of entity, and outcome.

named_enum! {
    /// The kind of entity that an event, a change or a finding concerns.
    pub enum EntityKind {
        User = "user",
        Product = "product",
        Order = "order",
        Movement = "movement",
        Seed = "seed",
        Event = "event",
        Seal = "seal",
        Operation = "operation",
    }
}

named_enum! {
    /// How an operation ended.
    pub enum Outcome {
        Succeeded = "succeeded",
        Failed = "failed",
    }
}

named_enum! {
    /// The operations, by the name in their events.
    pub enum EventName {
        /// What another program wrote, changed or removed, as `adopt` found it.
        Adopted = "adopted",
        AuditSeal = "audit.seal",
        AuditSettle = "audit.settle",
        OrderCancel = "order.cancel",
        OrderChange = "order.change",
        OrderComplete = "order.complete",
        OrderExpire = "order.expire",
        OrderImport = "order.import",
        OrderNote = "order.note",
        OrderPay = "order.pay",
        OrderPlace = "order.place",
        OrderReassign = "order.reassign",
        OrderRefund = "order.refund",
        OrderRestock = "order.restock",
        OrderShip = "order.ship",
        ProductCreate = "product.create",
        ProductDelete = "product.delete",
        ProductImport = "product.import",
        ProductPrice = "product.price",
        ProductRestore = "product.restore",
        ProductRetire = "product.retire",
        ProductUpdate = "product.update",
        SeedDown = "seed.down",
        /// Its events cover whole tables: `entity_type` is the table, `entity_id` the greatest written id.
        SeedGenerate = "seed.generate",
        SeedUp = "seed.up",
        StockAccept = "stock.accept",
        StockAdjust = "stock.adjust",
        StockImport = "stock.import",
        StockReceive = "stock.receive",
        StockSet = "stock.set",
        /// Takes back another operation.
        Undo = "undo",
        UserAnonymize = "user.anonymize",
        UserCreate = "user.create",
        UserDelete = "user.delete",
        UserDisable = "user.disable",
        UserEnable = "user.enable",
        UserImport = "user.import",
        UserMerge = "user.merge",
        UserRehash = "user.rehash",
        UserSetPassword = "user.set_password",
        UserUpdate = "user.update",
    }
}

impl EventName {
    /// The kind of entity to record if the operation is rejected.
    pub const fn kind(self) -> EntityKind {
        use EventName::{
            Adopted, AuditSeal, AuditSettle, OrderCancel, OrderChange, OrderComplete, OrderExpire, OrderImport,
            OrderNote, OrderPay, OrderPlace, OrderReassign, OrderRefund, OrderRestock, OrderShip, ProductCreate,
            ProductDelete, ProductImport, ProductPrice, ProductRestore, ProductRetire, ProductUpdate, SeedDown,
            SeedGenerate, SeedUp, StockAccept, StockAdjust, StockImport, StockReceive, StockSet, Undo, UserAnonymize,
            UserCreate, UserDelete, UserDisable, UserEnable, UserImport, UserMerge, UserRehash, UserSetPassword,
            UserUpdate,
        };
        match self {
            UserAnonymize | UserCreate | UserDelete | UserDisable | UserEnable | UserImport | UserMerge
            | UserRehash | UserSetPassword | UserUpdate => EntityKind::User,
            ProductCreate | ProductDelete | ProductImport | ProductPrice | ProductRestore | ProductRetire
            | ProductUpdate | StockAccept | StockAdjust | StockImport | StockReceive | StockSet => EntityKind::Product,
            OrderCancel | OrderChange | OrderComplete | OrderExpire | OrderImport | OrderNote | OrderPay
            | OrderPlace | OrderReassign | OrderRefund | OrderRestock | OrderShip => EntityKind::Order,
            SeedDown | SeedGenerate | SeedUp => EntityKind::Seed,
            AuditSeal => EntityKind::Seal,
            Adopted | AuditSettle | Undo => EntityKind::Operation,
        }
    }

    /// Whether `undo` can take such an operation back.
    pub const fn is_undoable(self) -> bool {
        use EventName::{
            OrderChange, ProductPrice, ProductRestore, ProductRetire, ProductUpdate, StockAdjust, StockImport,
            StockReceive, StockSet, Undo, UserDisable, UserEnable, UserUpdate,
        };
        matches!(
            self,
            OrderChange
                | ProductPrice
                | ProductRestore
                | ProductRetire
                | ProductUpdate
                | StockAdjust
                | StockImport
                | StockReceive
                | StockSet
                | Undo
                | UserDisable
                | UserEnable
                | UserUpdate
        )
    }
}
